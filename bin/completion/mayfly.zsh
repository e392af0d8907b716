#compdef mayfly
# mayfly in zsh, after compinit:  source <(mayfly completion zsh)
# Each line that the command prints is a candidate, a tab and a description. The line `:files` adds file names.
_mayfly() {
  local -a candidates
  local line files
  for line in "${(@f)$("${(Q)words[1]/#\~/$HOME}" complete-words -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == ':files' ]]; then
      files=yes
    elif [[ -n $line ]]; then
      # _describe takes `word:description`, or the word alone.
      candidates+=("${${line%%$'\t'*}//:/\\:}${${line#*$'\t'}:+:${line#*$'\t'}}")
    fi
  done
  (( $#candidates )) && _describe mayfly candidates
  [[ -n $files ]] && _files
}
if [[ $funcstack[1] == _mayfly ]]; then _mayfly "$@"; else compdef _mayfly mayfly; fi
