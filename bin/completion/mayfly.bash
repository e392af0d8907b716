# mayfly in bash, 3.2 or newer:  source <(mayfly completion bash)
# Each line that the command prints is a candidate, a tab and a description. The line `:files` adds file names.
_mayfly() {
  local line current=${COMP_WORDS[COMP_CWORD]}
  [ "$current" = '=' ] && current=
  COMPREPLY=()
  while IFS= read -r line; do
    if [ "$line" = ':files' ]; then
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
    else
      COMPREPLY+=("${line%%$'\t'*}")
    fi
  done < <("${COMP_WORDS[0]/#\~/$HOME}" complete-words -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _mayfly mayfly
