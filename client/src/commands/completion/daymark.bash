# Completion of daymark in bash, 3.2 or newer. No other package is needed.
# shellcheck shell=bash

_daymark_complete() {
  local IFS=$'\n' answer
  # Words that would have to be quoted are not among the answers.
  answer=($(command daymark __complete bash --line="${COMP_LINE:0:COMP_POINT}" --breaks="$COMP_WORDBREAKS" \
    2>/dev/null </dev/null))
  COMPREPLY=()
  case "${answer[0]-}" in
    words) COMPREPLY=("${answer[@]:1}") ;;
    files)
      COMPREPLY=($(compgen -f -- "$2"))
      compopt +o nospace -o filenames 2>/dev/null
      ;;
  esac
}

# Blanks behind whole words are part of the answers: bash 3.2 cannot be told for each.
complete -o nospace -F _daymark_complete @NAMES@
