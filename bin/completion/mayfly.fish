# mayfly in fish:  mayfly completion fish | source
# It asks the command itself: a line a candidate, its description behind a tab; `:files` means that names of files fit too.
function __mayfly_complete
    set -l words (commandline -opc)
    for line in ($words[1] complete-words -- $words[2..-1] (commandline -ct) 2>/dev/null)
        if test "$line" = :files
            __fish_complete_path (commandline -ct)
        else
            echo $line
        end
    end
end
complete -c mayfly -f -a '(__mayfly_complete)'
