# mayfly in fish:  mayfly completion fish | source
# Each line that the command prints is a candidate, a tab and a description. The line `:files` adds file names.
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
