# SPDX-License-Identifier: Apache-2.0
# Completion of diptych in fish: the program itself says what there is (cli/complete.h).
function __diptych_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct | string trim --left --chars '"\'')
    set -l option (string match -r '^--[^=]*=' -- "$last")
    set -l begun (string replace -r '^--[^=]*=' '' -- "$last")
    for line in ($words[1] __complete $words[2..] "$last" 2>/dev/null)
        switch $line
            case :files
                printf '%s\n' "$option"(__fish_complete_path "$begun")
            case :folders
                printf '%s\n' "$option"(__fish_complete_directories "$begun" '')
            case :indexes
                set -l folders (__fish_complete_directories "$begun" '')
                set -l indexes (string match -r '.*\.dip/.*' -- $folders)
                set -q indexes[1]; and set folders $indexes
                printf '%s\n' "$option"$folders
            case '*'
                printf '%s\n' $line
        end
    end
end
complete -c diptych -f -a '(__diptych_complete)'
