# bash completion for patroni-preflight

_patroni_preflight() {
    local word typed out i=-1 glued=1 words=() IFS=$'\n'
    # Bash splits at = and : as well; the program wants the words as they were typed.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if ((i >= 0)) && { ((glued)) || [[ $word == [=:] ]]; }; then
            words[i]+=$word
        else
            words[++i]=$word
        fi
        [[ $word == [=:] ]] && glued=1 || glued=0
    done
    typed=${COMP_WORDS[COMP_CWORD]}
    [[ $typed != [=:] ]] || typed=
    out=$("${COMP_WORDS[0]}" complete "${words[@]}" 2>/dev/null) || return
    if [[ $out == :file ]]; then
        compopt -o filenames 2>/dev/null # bash 3 has none
        COMPREPLY=($(compgen -f -- "$typed"))
        return
    fi
    COMPREPLY=()
    while IFS=$'\t' read -r word _; do
        # What stands before the last = or : is not part of what bash replaces.
        [[ -z $word ]] || COMPREPLY+=("${word#"${words[i]%"$typed"}"}")
    done <<<"$out"
    [[ ${#COMPREPLY[@]} -ne 1 || ${COMPREPLY[0]} != *= ]] || compopt -o nospace 2>/dev/null
}
complete -F _patroni_preflight patroni-preflight
