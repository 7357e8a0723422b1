# Completion of bcdl in bash: eval "$(bcdl completion bash)"
_bcdl_complete() {
    local IFS=$'\n' line="${COMP_LINE:0:COMP_POINT}" word kept=""
    word="${line##*[[:space:]]}"
    if [[ "$COMP_WORDBREAKS" == *=* && "$word" == *=* ]]; then
        kept="${word%=*}="                      # bash completes what follows the last "="
    fi
    COMPREPLY=($("$1" completion bash --complete="$line" 2>/dev/null))
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
    if [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" != *[=./] ]]; then
        compopt +o nospace 2>/dev/null
    fi
}
complete -o nospace -o default -F _bcdl_complete bcdl
