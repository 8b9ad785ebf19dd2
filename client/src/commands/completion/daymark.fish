# Completion of daymark in fish, 3.0 or newer.

function __daymark_complete
    set -l current (commandline --current-token --cut-at-cursor)
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    set -e before[1]
    set -l answer (command daymark __complete fish --current="$current" -- $before 2>/dev/null </dev/null)
    switch "$answer[1]"
        case words
            set -e answer[1]
            count $answer >/dev/null; and printf '%s\n' $answer
        case files
            set -l flag (string match --regex -- '^--[^=]*=' "$current")
            printf '%s\n' "$flag"(__fish_complete_path (string replace -- "$flag" '' "$current"))
    end
end

for name in @NAMES@
    complete --command $name --no-files --keep-order --arguments '(__daymark_complete)'
end
