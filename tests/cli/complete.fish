# SPDX-License-Identifier: Apache-2.0
# Completes the lines of standard input in fish, and prints what becomes of them.
#   fish --no-config complete.fish COMPLETIONS    COMPLETIONS: cli/completion; with diptych in PATH
source $argv[1]/diptych.fish
while read line
    set -l words (complete -C "$line" | string split --fields 1 \t)
    set -l begun (string match --regex '"[^"]*$|[^ ]*$' -- "$line")
    set -l quote (string match --regex '^"' -- "$begun")
    printf '%s%s%s%s\n' (string sub --length (math (string length -- "$line") - (string length -- "$begun")) -- "$line") \
        "$quote" "$words" "$quote"
end
