#compdef patroni-preflight
# zsh completion for patroni-preflight

_patroni_preflight() {
    local line out value
    local -a full partial
    out=$("${(Q)words[1]}" complete "${(@Q)words[2,CURRENT]}" 2>/dev/null) || return
    if [[ $out == :file ]]; then
        [[ $PREFIX != --*=* ]] || compset -P '*='
        _files
        return
    fi
    for line in "${(@f)out}"; do
        value=${${line%%$'\t'*}//:/\\:}
        [[ -n $value ]] || continue
        [[ $line != *$'\t'* ]] || value+=:${line#*$'\t'}
        if [[ ${line%%$'\t'*} == *= ]]; then partial+=($value); else full+=($value); fi
    done
    ((!$#full)) || _describe -V value full
    ((!$#partial)) || _describe -V value partial -S ''
}

if [[ ${funcstack[1]} == _patroni-preflight ]]; then
    _patroni_preflight "$@" # autoloaded from a directory of $fpath
else
    compdef _patroni_preflight patroni-preflight # sourced
fi
