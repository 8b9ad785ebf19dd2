#compdef @NAMES@
# Completion of daymark in zsh: to be sourced, or found as _daymark in a folder of $fpath.

_daymark() {
  local -a answer whole open
  local line
  answer=("${(@f)$(command daymark __complete zsh --current="${(Q)PREFIX}" -- "${(@Q)words[2,CURRENT-1]}" \
    2>/dev/null </dev/null)}")
  case ${answer[1]-} in
    files)
      compset -P '--*='
      _files
      return
      ;;
    words) ;;
    *) return 1 ;;
  esac
  for line in "${(@)answer[2,-1]}"; do
    case $line in
      c*) whole+=("${line#c}") ;;
      o*) open+=("${line#o}") ;;
    esac
  done
  _describe -V -t values value whole -- open -S ''
}

# Registers it at the next prompt, too: compinit may come later than this, or never, and forgets what was
# registered before.
_daymark_register() {
  autoload -Uz add-zsh-hook
  add-zsh-hook -d precmd _daymark_register
  if (( ! $+functions[compdef] )); then
    autoload -Uz compinit && compinit -i
  fi
  (( $+functions[compdef] )) && compdef _daymark @NAMES@
}

if [[ ${funcstack[1]-} == _daymark ]]; then
  _daymark "$@"
else
  (( $+functions[compdef] )) && compdef _daymark @NAMES@
  autoload -Uz add-zsh-hook && add-zsh-hook precmd _daymark_register
fi
