# fish completion for patroni-preflight

function __patroni_preflight_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    set -l out ($words[1] complete $words[2..-1] "$typed" 2>/dev/null)
    if test "$out" = :file
        set -l option (string match -r '^--[^=]*=' -- $typed; or echo '')
        printf '%s\n' $option(__fish_complete_path (string replace -- "$option" '' $typed))
    else
        printf '%s\n' $out
    end
end
complete -c patroni-preflight -f -k -a '(__patroni_preflight_complete)'
