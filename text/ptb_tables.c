// SPDX-License-Identifier: Apache-2.0
/* What the scanner knows by heart. */
#include "text/ptb.h"

#define WHOLE(word)                                                                                          \
    {                                                                                                        \
        word, sizeof word - 1                                                                                \
    }

const struct ptb_special ptb_specials[] = {{"cannot", 3}, {"gonna", 3}, {"gotta", 3}, {"wanna", 3},
    {"lemme", 3}, {"gimme", 3}, {"'tis", 2}, {"'twas", 2}, {"y'all", 2}, WHOLE("ma'am"), WHOLE("c'mon"),
    WHOLE("s'mores"), WHOLE("s'more"), WHOLE("'em"), WHOLE("'til"), WHOLE("'cause"), WHOLE("ol'"),
    WHOLE("somethin'"), WHOLE("dunkin'"), {NULL, 0}};

const char *const ptb_contractions[] = {"'s", "'m", "'d", "'re", "'ve", "'ll", NULL};

const struct ptb_abbreviation ptb_abbreviations[] = {{"adm", PERIOD_ALWAYS}, {"al", PERIOD_ALWAYS},
    {"ala", PERIOD_ALWAYS}, {"alex", PERIOD_ALWAYS}, {"apr", PERIOD_ALWAYS}, {"ariz", PERIOD_ALWAYS},
    {"ark", PERIOD_CAPITAL}, {"art", PERIOD_NUMBER}, {"assoc", PERIOD_ALWAYS}, {"asst", PERIOD_ALWAYS},
    {"aug", PERIOD_ALWAYS}, {"ave", PERIOD_ALWAYS}, {"az", PERIOD_CAPITAL}, {"bldg", PERIOD_ALWAYS},
    {"blvd", PERIOD_ALWAYS}, {"bros", PERIOD_ALWAYS}, {"ca", PERIOD_NUMBER}, {"calif", PERIOD_ALWAYS},
    {"capt", PERIOD_ALWAYS}, {"cf", PERIOD_ALWAYS}, {"cmdr", PERIOD_ALWAYS}, {"co", PERIOD_ALWAYS},
    {"col", PERIOD_ALWAYS}, {"colo", PERIOD_ALWAYS}, {"conn", PERIOD_ALWAYS}, {"corp", PERIOD_ALWAYS},
    {"ct", PERIOD_ALWAYS}, {"dak", PERIOD_ALWAYS}, {"dec", PERIOD_ALWAYS}, {"del", PERIOD_CAPITAL},
    {"dept", PERIOD_ALWAYS}, {"dr", PERIOD_ALWAYS}, {"etc", PERIOD_ALWAYS}, {"feb", PERIOD_ALWAYS},
    {"fig", PERIOD_NUMBER}, {"figs", PERIOD_NUMBER}, {"fla", PERIOD_ALWAYS}, {"fri", PERIOD_ALWAYS},
    {"ft", PERIOD_ALWAYS}, {"ga", PERIOD_ALWAYS}, {"gen", PERIOD_ALWAYS}, {"gov", PERIOD_ALWAYS},
    {"hon", PERIOD_ALWAYS}, {"ill", PERIOD_CAPITAL}, {"inc", PERIOD_ALWAYS}, {"ind", PERIOD_ALWAYS},
    {"jan", PERIOD_ALWAYS}, {"jr", PERIOD_ALWAYS}, {"jul", PERIOD_ALWAYS}, {"jun", PERIOD_ALWAYS},
    {"kan", PERIOD_ALWAYS}, {"kans", PERIOD_ALWAYS}, {"ky", PERIOD_ALWAYS}, {"la", PERIOD_CAPITAL},
    {"lt", PERIOD_ALWAYS}, {"ltd", PERIOD_ALWAYS}, {"maj", PERIOD_ALWAYS}, {"mar", PERIOD_ALWAYS},
    {"mass", PERIOD_CAPITAL}, {"md", PERIOD_ALWAYS}, {"messrs", PERIOD_ALWAYS}, {"mfg", PERIOD_ALWAYS},
    {"mich", PERIOD_ALWAYS}, {"minn", PERIOD_ALWAYS}, {"miss", PERIOD_CAPITAL}, {"mo", PERIOD_ALWAYS},
    {"mon", PERIOD_ALWAYS}, {"mont", PERIOD_ALWAYS}, {"mr", PERIOD_ALWAYS}, {"mrs", PERIOD_ALWAYS},
    {"ms", PERIOD_ALWAYS}, {"mt", PERIOD_ALWAYS}, {"natl", PERIOD_ALWAYS}, {"neb", PERIOD_ALWAYS},
    {"nev", PERIOD_ALWAYS}, {"no", PERIOD_NUMBER}, {"nov", PERIOD_ALWAYS}, {"oct", PERIOD_ALWAYS},
    {"okla", PERIOD_ALWAYS}, {"op", PERIOD_NUMBER}, {"ore", PERIOD_CAPITAL}, {"pa", PERIOD_CAPITAL},
    {"penn", PERIOD_ALWAYS}, {"ph", PERIOD_ALWAYS}, {"pp", PERIOD_NUMBER}, {"prof", PERIOD_ALWAYS},
    {"prop", PERIOD_NUMBER}, {"rd", PERIOD_ALWAYS}, {"rep", PERIOD_ALWAYS}, {"rev", PERIOD_ALWAYS},
    {"sen", PERIOD_ALWAYS}, {"sep", PERIOD_ALWAYS}, {"sept", PERIOD_ALWAYS}, {"sgt", PERIOD_ALWAYS},
    {"sr", PERIOD_ALWAYS}, {"st", PERIOD_ALWAYS}, {"ste", PERIOD_ALWAYS}, {"tenn", PERIOD_ALWAYS},
    {"tex", PERIOD_CAPITAL}, {"thu", PERIOD_ALWAYS}, {"thurs", PERIOD_ALWAYS}, {"tue", PERIOD_ALWAYS},
    {"tues", PERIOD_ALWAYS}, {"univ", PERIOD_ALWAYS}, {"va", PERIOD_ALWAYS}, {"vs", PERIOD_ALWAYS},
    {"vt", PERIOD_ALWAYS}, {"wash", PERIOD_CAPITAL}, {"wed", PERIOD_ALWAYS}, {"wis", PERIOD_ALWAYS},
    {"wisc", PERIOD_ALWAYS}, {"wm", PERIOD_ALWAYS}, {"wyo", PERIOD_ALWAYS}};
const size_t ptb_abbreviation_count = sizeof ptb_abbreviations / sizeof ptb_abbreviations[0];

/* A capitalised word of these after "B." says that the period ended a sentence. */
const char *const ptb_starters[] = {"About", "According", "Additionally", "After", "An", "A", "As", "At",
    "But", "Earlier", "He", "Her", "Here", "However", "If", "In", "It", "Last", "Many", "More", "Mr.", "Ms.",
    "Now", "Once", "One", "Other", "Our", "She", "Since", "So", "Some", "Such", "That", "The", "Their",
    "Then", "There", "These", "They", "This", "We", "When", "While", "What", "Yet", "You", NULL};

/* Tokens that no other rule takes whole. */
const char *const ptb_literals[] = {"-lrb-", "-rrb-", "-lsb-", "-rsb-", "-lcb-", "-rcb-", "'n'", "ph.d.",
    "c++", "c#", "f#", "``", "''", "<<", ">>", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&nbsp;",
    "&mdash;", "&ndash;", NULL};

/* Signs of which any number, mixed, is one token. */
const char *const ptb_runs[] = {"!?", "-", "_", "*", NULL};

const char *const ptb_domains[] = {"com", "net", "org", "edu", NULL};

const char *const ptb_extensions[] = {"avi", "bmp", "cpp", "css", "doc", "docx", "exe", "gif", "gz", "htm",
    "html", "jar", "java", "jpeg", "jpg", "js", "mov", "mp3", "mp4", "mpeg", "pdf", "php", "png", "ppt", "ps",
    "py", "sql", "tar", "txt", "wav", "xml", "zip", NULL};

/* The reference tells opening from closing quotes, but coco-caption leaves out both. */
const struct ptb_change ptb_changes[] = {
    {"(", "-lrb-", true},
    {")", "-rrb-", true},
    {"[", "-lsb-", false},
    {"]", "-rsb-", false},
    {"{", "-lcb-", false},
    {"}", "-rcb-", false},

    {".", "", false},
    {",", "", false},
    {":", "", false},
    {";", "", false},
    {"?", "", false},
    {"!", "", false},
    {"\u2026", "", false},

    {"-", "", false},
    {"--", "", false},
    {"---", "", false},
    {"----", "", false},
    {"\u2010", "", false},
    {"\u2013", "", false},
    {"\u2014", "", false},
    {"\xc2\x96", "", false},
    {"\xc2\x97", "", false},
    {"&mdash;", "", false},
    {"&ndash;", "", false},

    {"'", "", false},
    {"''", "", false},
    {"`", "", false},
    {"``", "", false},
    {"\"", "", false},
    {"\u2018", "", false},
    {"\u2019", "", false},
    {"\u201c", "", false},
    {"\u201d", "", false},
    {"\xc2\x91", "", false},
    {"\xc2\x92", "", false},
    {"\xc2\x93", "", false},
    {"\xc2\x94", "", false},
    {"\u00ab", "", false},
    {"\u00bb", "", false},
    {"&quot;", "", false},
    {"&apos;", "", false},
    {"&nbsp;", "", false},

    {"\u2019", "'", true},
    {"\xc2\x92", "'", true},
    {"&apos;", "'", true},
    {"&amp;", "&", true},
    {"&lt;", "<", false},
    {"&gt;", ">", false},
    {" ", "\u00a0", true},
    {"\u00ad", "", true},

    {"\u00a3", "#", false},
    {"\u00a4", "$", false},
    {"\u20ac", "$", false},
    {"\xc2\x80", "$", false},
    {"\u00a2", "cents", false},
    {"\u00bc", "1/4", false},
    {"\u00bd", "1/2", false},
    {"\u00be", "3/4", false},
    {"\u2153", "1/3", false},
    {"\u2154", "2/3", false},
    {NULL, NULL, false},
};
