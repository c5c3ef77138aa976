// SPDX-License-Identifier: Apache-2.0
/* What the scanner knows by heart. */
#include "text/captions/ptb.h"

const struct ptb_cut ptb_cuts[] = {{"cannot", 3}, {"gonna", 3}, {"gotta", 3}, {"wanna", 3}, {"lemme", 3},
    {"gimme", 3}, {"'tis", 2}, {"'twas", 2}, {NULL, 0}};

const char *const ptb_contractions[] = {"'s", "'m", "'d", "'re", "'ve", "'ll", NULL};

const char *const ptb_apostrophe_words[] = {"'n", "'n'", "'em", "'til", "'till", "'cause", "'20s", "'30s",
    "'40s", "'50s", "'60s", "'70s", "'80s", "'90s", "ol'", "somethin'", "dunkin'", "d'", "j'", "l'", "c'est",
    "o'o", NULL};

const char *const ptb_typewriter_words[] = {
    "c'mon", "e'er", "s'mores", "li'l", "nat'l", "ev'ry", "nor'easter", "cont'd.", NULL};

const struct ptb_abbreviation ptb_abbreviations[] = {{"adj", PERIOD_TITLE, 0}, {"adm", PERIOD_TITLE, 0},
    {"adv", PERIOD_TITLE, 0}, {"al", PERIOD_END, 0}, {"ala", PERIOD_END, 0}, {"alex", PERIOD_TITLE, 0},
    {"apr", PERIOD_END, 0}, {"ariz", PERIOD_END, 0}, {"ark", PERIOD_END, 'A'}, {"art", PERIOD_NUMBER, 0},
    {"assn", PERIOD_END, 0}, {"assoc", PERIOD_TITLE, 0}, {"asst", PERIOD_TITLE, 0}, {"atty", PERIOD_TITLE, 0},
    {"attys", PERIOD_TITLE, 0}, {"aug", PERIOD_END, 0}, {"ave", PERIOD_TITLE, 0}, {"az", PERIOD_END, 'A'},
    {"bancorp", PERIOD_END, 0}, {"bhd", PERIOD_END, 0}, {"bldg", PERIOD_END, 0}, {"blvd", PERIOD_END, 0},
    {"brig", PERIOD_TITLE, 0}, {"bros", PERIOD_END, 0}, {"ca", PERIOD_NUMBER, 0}, {"calif", PERIOD_END, 0},
    {"capt", PERIOD_TITLE, 0}, {"cf", PERIOD_TITLE, 0}, {"cie", PERIOD_TITLE, 0}, {"cmdr", PERIOD_TITLE, 0},
    {"co", PERIOD_END, 0}, {"col", PERIOD_TITLE, 0}, {"colo", PERIOD_END, 0}, {"comdr", PERIOD_TITLE, 0},
    {"conn", PERIOD_END, 0}, {"corp", PERIOD_END, 0}, {"cos", PERIOD_END, 0}, {"cpl", PERIOD_TITLE, 0},
    {"ct", PERIOD_END, 0}, {"dak", PERIOD_END, 0}, {"dec", PERIOD_END, 0}, {"del", PERIOD_END, 'D'},
    {"dept", PERIOD_TITLE, 0}, {"det", PERIOD_TITLE, 0}, {"dr", PERIOD_TITLE, 0}, {"drs", PERIOD_TITLE, 0},
    {"elec", PERIOD_TITLE, 0}, {"ens", PERIOD_TITLE, 0}, {"esq", PERIOD_END, 0}, {"est", PERIOD_END, 0},
    {"etc", PERIOD_END, 0}, {"ext", PERIOD_END, 0}, {"feb", PERIOD_END, 0}, {"fig", PERIOD_NUMBER, 0},
    {"figs", PERIOD_NUMBER, 0}, {"fla", PERIOD_END, 0}, {"fri", PERIOD_END, 0}, {"ft", PERIOD_TITLE, 0},
    {"ga", PERIOD_END, 0}, {"gen", PERIOD_TITLE, 0}, {"gov", PERIOD_TITLE, 0}, {"govs", PERIOD_TITLE, 0},
    {"hon", PERIOD_TITLE, 0}, {"ill", PERIOD_END, 'I'}, {"inc", PERIOD_END, 0}, {"ind", PERIOD_END, 0},
    {"insp", PERIOD_TITLE, 0}, {"intl", PERIOD_END, 0}, {"invt", PERIOD_TITLE, 0}, {"jan", PERIOD_END, 0},
    {"jos", PERIOD_TITLE, 0}, {"jr", PERIOD_END, 0}, {"jul", PERIOD_END, 0}, {"jun", PERIOD_END, 0},
    {"kan", PERIOD_END, 0}, {"kans", PERIOD_END, 0}, {"ky", PERIOD_END, 0}, {"la", PERIOD_END, 'L'},
    {"lieut", PERIOD_TITLE, 0}, {"lt", PERIOD_TITLE, 0}, {"ltd", PERIOD_END, 0}, {"maj", PERIOD_TITLE, 0},
    {"mar", PERIOD_END, 0}, {"mass", PERIOD_END, 'M'}, {"md", PERIOD_END, 0}, {"messrs", PERIOD_TITLE, 0},
    {"mfg", PERIOD_TITLE, 'f'}, {"mich", PERIOD_END, 0}, {"minn", PERIOD_END, 0}, {"miss", PERIOD_END, 'M'},
    {"mlle", PERIOD_TITLE, 0}, {"mme", PERIOD_TITLE, 0}, {"mo", PERIOD_END, 0}, {"mon", PERIOD_END, 0},
    {"mont", PERIOD_END, 0}, {"mr", PERIOD_TITLE, 0}, {"mrs", PERIOD_TITLE, 0}, {"ms", PERIOD_TITLE, 0},
    {"msgr", PERIOD_TITLE, 0}, {"mt", PERIOD_TITLE, 0}, {"mtg", PERIOD_TITLE, 't'}, {"natl", PERIOD_TITLE, 0},
    {"neb", PERIOD_END, 0}, {"nev", PERIOD_END, 0}, {"no", PERIOD_NUMBER, 0}, {"nos", PERIOD_NUMBER, 0},
    {"nov", PERIOD_END, 0}, {"oct", PERIOD_END, 0}, {"okla", PERIOD_END, 0}, {"op", PERIOD_NUMBER, 0},
    {"ore", PERIOD_END, 'O'}, {"pa", PERIOD_END, 'P'}, {"penn", PERIOD_END, 0}, {"pfc", PERIOD_TITLE, 0},
    {"ph", PERIOD_TITLE, 0}, {"plc", PERIOD_END, 0}, {"pp", PERIOD_NUMBER, 0}, {"ppte", PERIOD_END, 'e'},
    {"pptes", PERIOD_END, 'e'}, {"ppty", PERIOD_END, 'y'}, {"pptys", PERIOD_END, 'y'},
    {"pres", PERIOD_TITLE, 0}, {"prof", PERIOD_TITLE, 0}, {"profs", PERIOD_TITLE, 0},
    {"prop", PERIOD_NUMBER, 0}, {"pte", PERIOD_END, 'e'}, {"ptes", PERIOD_END, 'e'}, {"pty", PERIOD_END, 'y'},
    {"ptys", PERIOD_END, 'y'}, {"pvt", PERIOD_TITLE, 0}, {"rd", PERIOD_END, 0}, {"rep", PERIOD_TITLE, 0},
    {"reps", PERIOD_TITLE, 0}, {"rev", PERIOD_TITLE, 0}, {"rt", PERIOD_END, 0}, {"sen", PERIOD_TITLE, 0},
    {"sens", PERIOD_TITLE, 0}, {"sep", PERIOD_END, 0}, {"sept", PERIOD_END, 0}, {"seq", PERIOD_END, 0},
    {"sfc", PERIOD_TITLE, 0}, {"sgt", PERIOD_TITLE, 0}, {"spc", PERIOD_TITLE, 0}, {"sq", PERIOD_END, 0},
    {"sr", PERIOD_END, 0}, {"st", PERIOD_TITLE, 0}, {"ste", PERIOD_TITLE, 0}, {"supt", PERIOD_TITLE, 0},
    {"supts", PERIOD_TITLE, 0}, {"sys", PERIOD_END, 0}, {"tel", PERIOD_END, 0}, {"tenn", PERIOD_END, 0},
    {"tex", PERIOD_END, 'T'}, {"thu", PERIOD_END, 0}, {"thurs", PERIOD_END, 0}, {"treas", PERIOD_TITLE, 0},
    {"tue", PERIOD_END, 0}, {"tues", PERIOD_END, 0}, {"univ", PERIOD_END, 0}, {"va", PERIOD_END, 0},
    {"vs", PERIOD_TITLE, 0}, {"vt", PERIOD_END, 0}, {"wash", PERIOD_END, 'W'}, {"wed", PERIOD_END, 0},
    {"wis", PERIOD_END, 0}, {"wisc", PERIOD_END, 0}, {"wm", PERIOD_TITLE, 0}, {"wyo", PERIOD_END, 0}};
const size_t ptb_abbreviation_count = sizeof ptb_abbreviations / sizeof ptb_abbreviations[0];

/* A word of these, capitalised or in capitals, after "B." says that the period ended a sentence. */
const char *const ptb_starters[] = {"about", "according", "additionally", "after", "an", "a", "as", "at",
    "but", "earlier", "he", "her", "here", "however", "if", "in", "it", "last", "many", "more", "mr.", "ms.",
    "now", "once", "one", "other", "our", "she", "since", "so", "some", "such", "that", "the", "their",
    "then", "there", "these", "they", "this", "we", "when", "while", "what", "yet", "you", NULL};

/* Tokens that no other rule takes whole. */
const char *const ptb_literals[] = {"-lrb-", "-rrb-", "-lsb-", "-rsb-", "-lcb-", "-rcb-", "pro-", "anti-",
    "c++", "c#", "f#", "``", "''", "<<", ">>", "&amp;", "&lt;", "&gt;", "&quot;", "&apos;", "&nbsp;",
    "&mdash;", "&ndash;", "&ht;", "&tl;", "&ur;", "&lr;", "&qc;", "&ql;", "&qr;", "&odq;", "&cdq;", NULL};

/* &eacute; is a letter: these behind a vowel. */
const char *const ptb_accents[] = {"acute;", "grave;", "uml;", NULL};

const char *const ptb_degrees[] = {"ph.d.", "ed.d.", NULL};

const char *const ptb_domains[] = {"com", "net", "org", "edu", NULL};

const char *const ptb_extensions[] = {"bat", "bmp", "c", "cgi", "cpp", "dll", "doc", "docx", "exe", "gif",
    "gz", "h", "htm", "html", "jar", "java", "jpeg", "jpg", "mov", "mp3", "pdf", "php", "pl", "png", "ppt",
    "ps", "py", "sql", "tar", "txt", "wav", "x", "xml", "zip", NULL};

/* The reference tells opening from closing straight quotes; to coco-caption both are punctuation. */
const struct ptb_change ptb_changes[] = {
    {"(", "-lrb-", PLACE_ANY},
    {")", "-rrb-", PLACE_ANY},
    {"[", "-lsb-", PLACE_TOKEN},
    {"]", "-rsb-", PLACE_TOKEN},
    {"{", "-lcb-", PLACE_TOKEN},
    {"}", "-rcb-", PLACE_TOKEN},

    {"....", "...", PLACE_TOKEN},
    {".....", "...", PLACE_TOKEN},
    {". . .", "...", PLACE_TOKEN},
    {". . . .", "...", PLACE_TOKEN},
    {". . . . .", "...", PLACE_TOKEN},
    {"\u2026", "...", PLACE_TOKEN},

    {"---", "--", PLACE_TOKEN},
    {"----", "--", PLACE_TOKEN},
    {"\u2013", "--", PLACE_TOKEN},
    {"\u2014", "--", PLACE_TOKEN},
    {"\u2015", "--", PLACE_TOKEN},
    {"\xc2\x96", "--", PLACE_TOKEN},
    {"\xc2\x97", "--", PLACE_TOKEN},
    {"&mdash;", "--", PLACE_TOKEN},
    {"&MDASH;", "--", PLACE_TOKEN},
    {"&ndash;", "--", PLACE_TOKEN},
    {"&NDASH;", "--", PLACE_TOKEN},

    {"\"", "''", PLACE_TOKEN},
    {"&quot;", "''", PLACE_TOKEN},
    {"&nbsp;", "", PLACE_TOKEN},
    {"&NBSP;", "", PLACE_TOKEN},
    {"&apos;", "'", PLACE_TOKEN},
    {"&apos;", "'", PLACE_QUOTES},
    {"\u2018", "`", PLACE_QUOTES},
    {"\u201b", "`", PLACE_QUOTES},
    {"\u2039", "`", PLACE_QUOTES},
    {"\xc2\x91", "`", PLACE_QUOTES},
    {"\u2019", "'", PLACE_QUOTES},
    {"\u203a", "'", PLACE_QUOTES},
    {"\xc2\x92", "'", PLACE_QUOTES},
    {"\u201c", "``", PLACE_QUOTES},
    {"\u00ab", "``", PLACE_QUOTES},
    {"\xc2\x93", "``", PLACE_QUOTES},
    {"\u201d", "''", PLACE_QUOTES},
    {"\u00bb", "''", PLACE_QUOTES},
    {"\xc2\x94", "''", PLACE_QUOTES},

    {"&amp;", "&", PLACE_TOKEN},
    {"&AMP;", "&", PLACE_TOKEN},
    {"&amp;", "&", PLACE_CAPITALS},
    {"&AMP;", "&", PLACE_CAPITALS},
    {"&lt;", "<", PLACE_TOKEN},
    {"&LT;", "<", PLACE_TOKEN},
    {"&gt;", ">", PLACE_TOKEN},
    {"&GT;", ">", PLACE_TOKEN},
    {" ", "\u00a0", PLACE_ANY},
    {"\u00ad", "", PLACE_ANY},

    {"\u00a3", "#", PLACE_TOKEN},
    {"\u00a4", "$", PLACE_TOKEN},
    {"\u20a0", "$", PLACE_TOKEN},
    {"\u20ac", "$", PLACE_TOKEN},
    {"\xc2\x80", "$", PLACE_TOKEN},
    {"\u00a2", "cents", PLACE_TOKEN},
    {"\u00bc", "1/4", PLACE_TOKEN},
    {"\u00bd", "1/2", PLACE_TOKEN},
    {"\u00be", "3/4", PLACE_TOKEN},
    {"\u2153", "1/3", PLACE_TOKEN},
    {"\u2154", "2/3", PLACE_TOKEN},
    {NULL, NULL, PLACE_TOKEN},
};

const char *const ptb_punctuation[] = {
    "", ".", ",", "-", "--", "...", "?", "!", ":", ";", "'", "''", "`", "``", NULL};
