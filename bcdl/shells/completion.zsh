# Completion of bcdl in zsh, after compinit: eval "$(bcdl completion zsh)"
_bcdl_complete() {
    local -a replies
    replies=(${(f)"$("${words[1]}" completion zsh --complete="${(j: :)words[1,CURRENT]}" 2>/dev/null)"})
    compadd -Q -S '' -- ${(M)replies:#*[=./]}
    compadd -Q -- ${replies:#*[=./]}
}
compdef _bcdl_complete bcdl
