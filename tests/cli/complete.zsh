# SPDX-License-Identifier: Apache-2.0
# Types the lines of standard input into a shell, bash or zsh, each with a tab behind it, and prints what becomes of them.
#   zsh complete.zsh SHELL COMPLETIONS    COMPLETIONS: cli/completion; in a folder to write to, with diptych in PATH
zmodload zsh/zpty
shell=$1 completions=$2

case $shell in
bash)
    cat >bashrc <<END
PS1=
source $completions/diptych.bash
bind 'set bell-style none' 'set enable-bracketed-paste off'
bind -x '"\C-x": printf "<<%s>>\\n" "\$READLINE_LINE"; READLINE_LINE='
END
    zpty shell INPUTRC=/dev/null bash --noprofile --rcfile bashrc -i
    ;;
zsh)
    cat >.zshrc <<END
PS1= fpath=($completions \$fpath)
autoload -U compinit && compinit -u -d dump
show() { print -r -- "<<\$BUFFER>>"; BUFFER=; }
zle -N show && bindkey '^X' show && bindkey '\t' complete-word
END
    zpty shell ZDOTDIR=$PWD zsh -i
    ;;
esac

ask() {
    local out
    zpty -w -n shell "$1"$'\x18'
    zpty -r shell out '*<<*>>*'
    out=${${out##*<<}%%>>*}
    print -r -- "${out%${out##*[^ ]}}"
}
ask '' >/dev/null # it is ready
while read -r line; do
    ask "$line"$'\t'
done
zpty -d shell
