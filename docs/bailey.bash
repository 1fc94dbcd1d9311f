# Completion for bailey, for bash.

# Prints the names of the profiles that the command line at hand could mean.
_bailey_profiles() {
    local dir self
    self=$(command -v bailey) && self=$(readlink -f "$self")
    for dir in "$1" "${XDG_CONFIG_HOME:-$HOME/.config}/bailey/profiles" "${self%/bin/bailey}/share/bailey/profiles"; do
        [ -n "$dir" ] && [ -d "$dir" ] || continue
        find "$dir" -maxdepth 1 -name '*.yaml' -printf '%f\n' 2>/dev/null | sed 's/\.yaml$//'
    done | sort -u
}

# Sets `profiles_dir` to what --profiles says on the command line.
_bailey_profiles_dir() {
    local i
    profiles_dir=
    for ((i = 1; i < cword - 1; i++)); do
        [ "${words[i]}" = --profiles ] && profiles_dir=${words[i + 1]}
    done
}

_bailey_run() {
    local profiles_dir i
    case $prev in
        -p) _bailey_profiles_dir
            mapfile -t COMPREPLY < <(compgen -W "$(_bailey_profiles "$profiles_dir")" -- "$cur"; compgen -f -- "$cur")
            return ;;
        --profiles | -w) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --name) return ;;
        --allow-degraded) mapfile -t COMPREPLY < <(compgen -W "cpus" -- "$cur"); return ;;
    esac
    case $cur in
        -*) mapfile -t COMPREPLY < <(compgen -W "-p --profiles --config --name -w --allow-degraded --alone --" -- "$cur") ;;
        *) mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -f -- "$cur") ;;
    esac
}

_bailey() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local -a words=("${COMP_WORDS[@]}")
    local cword=$COMP_CWORD choices=
    COMPREPLY=()
    if [ "$cword" = 1 ]; then
        choices="run serve ps kill tree audit profile doctor --help --version"
    else
        case ${words[1]} in
            run) _bailey_run; return ;;
            serve)
                case $prev in
                    --profiles) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
                    --config) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
                    --drain) return ;;
                esac
                choices="--profiles --config --allow-degraded --drain" ;;
            ps) choices="--json" ;;
            kill) choices=$(bailey ps --json 2>/dev/null | sed -n 's/.*"agent":"\([0-9a-f.]*\)".*/\1/p') ;;
            tree) choices="--run --all --state --json" ;;
            audit)
                choices="--agent --run --denied --limit --state --json"
                case ${words[2]} in
                    verify) [ "$cword" -gt 2 ] && choices="--public-key --state --json" ;;&
                    *) [ "$cword" = 2 ] && choices="verify $choices" ;;
                esac ;;
            doctor) choices="--json" ;;
            profile)
                case $cword:${words[2]} in
                    2:*) choices="check show explain test words" ;;
                    *:check) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
                    3:show | 3:explain) choices=$(_bailey_profiles "") ;;
                    3:words) choices="http https tls tcp" ;;
                esac ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}

complete -F _bailey bailey
