# SPDX-License-Identifier: Apache-2.0
# Completion of diptych in bash: the program itself says what there is (cli/complete.h).
_diptych() {
    local line word last words=() begun=$2

    # bash takes words apart at "=" and ":"; here they are whole.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        local count=${#words[@]}
        word=${word#[\"\']} word=${word%[\"\']} word=${word//\\/}
        if ((count)) && [[ $word == [=:] || ${words[count - 1]} == *[=:] ]]; then
            words[count - 1]+=$word
        else
            words+=("$word")
        fi
    done
    last=${words[${#words[@]} - 1]}
    begun=${begun#[\"\']}
    [[ $begun == [=:] ]] && begun=

    local IFS=$'\n' folders
    COMPREPLY=()
    while read -r line; do
        case $line in
        :files)
            compopt -o filenames 2>/dev/null
            COMPREPLY+=($(compgen -f -- "$begun"))
            ;;
        :folders | :indexes)
            compopt -o filenames 2>/dev/null
            folders=($(compgen -d -- "$begun"))
            if [[ $line == :indexes && "${folders[*]}" == *.dip* ]]; then
                folders=($(printf '%s\n' "${folders[@]}" | grep '\.dip$'))
            fi
            COMPREPLY+=("${folders[@]}")
            ;;
        *)
            word=${line%%$'\t'*}
            COMPREPLY+=("${word#"${last%"$begun"}"}")
            ;;
        esac
    done < <("$1" __complete "${words[@]}" 2>/dev/null)
}
complete -F _diptych diptych
