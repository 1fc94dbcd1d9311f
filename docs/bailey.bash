# Completion for bailey, for bash.

_bailey_commands="run shell serve ps kill revoke approvals tree audit replay sessions trace changes profile identity doctor"

# Prints the names of the profiles that the command line at hand could mean.
_bailey_profiles() {
    local dir self
    self=$(command -v bailey) && self=$(readlink -f "$self")
    for dir in "$1" "${XDG_CONFIG_HOME:-$HOME/.config}/bailey/profiles" "${self%/bin/bailey}/share/bailey/profiles"; do
        [ -n "$dir" ] && [ -d "$dir" ] || continue
        find "$dir" -maxdepth 1 -name '*.yaml' -printf '%f\n' 2>/dev/null | sed 's/\.yaml$//'
    done | sort -u
}

# Prints the files that the word at hand could mean; a file of the current folder is a profile only with its `./`.
_bailey_files() {
    case $cur in
        */*) compgen -f -- "$cur" ;;
        *) compgen -f -- "./$cur" ;;
    esac
}

# Sets `profiles_dir` to what --profiles says on the command line.
_bailey_profiles_dir() {
    local i
    profiles_dir=
    for ((i = 1; i < cword - 1; i++)); do
        [ "${words[i]}" = --profiles ] && profiles_dir=${words[i + 1]}
    done
}

# Prints one member of each JSON object that a command of bailey's prints.
_bailey_members() {
    local member=$1
    shift
    bailey "$@" 2>/dev/null | grep -o "\"$member\":\"[0-9a-f.-]*\"" | cut -d '"' -f 4 | sort -u
}

# Prints the principals that are revoked, as far as a word of the shell's holds one.
_bailey_principals() {
    bailey revoke --list --json 2>/dev/null | grep -o '"principal":"[^"\\ ]*"' | cut -d '"' -f 4 | sort -u
}

# Prints the principals for whom agents were launched, as far as a word of the shell's holds one.
_bailey_launchers() {
    bailey tree --all --json 2>/dev/null | grep -o '"principal":"[^"\\ ]*"' | cut -d '"' -f 4 | sort -u
}

# Completes a principal, of those on standard input: a colon, of which each has one, begins another word for bash.
_bailey_principal() {
    local begun=$cur i=$COMP_CWORD before=
    if [[ $COMP_WORDBREAKS == *:* ]]; then
        while ((i > 1)) && [[ ${COMP_WORDS[i]} == : || ${COMP_WORDS[i - 1]} == : ]]; do ((i--)) && begun=${COMP_WORDS[i]}$begun; done
        [ "$cur" = : ] && before=$begun || before=${begun%"$cur"}
    fi
    mapfile -t COMPREPLY < <(compgen -W "$(cat)" -- "$begun" | while IFS= read -r word; do printf '%s\n' "${word#"$before"}"; done)
}

# Completes the value of an option that several commands have; fails when $prev is none.
_bailey_value() {
    local profiles_dir choices
    case $prev in
        -p | --profile | --under | --as-policy | --in-place-of) _bailey_profiles_dir
            mapfile -t COMPREPLY < <(compgen -W "$(_bailey_profiles "$profiles_dir")" -- "$cur"; _bailey_files)
            return ;;
        --profiles | -w | --workspace | --state) mapfile -t COMPREPLY < <(compgen -d -- "$cur"); return ;;
        --config | --checkpoints | --oidc-token-file | --saml-assertion-file | --socket) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --allow-degraded) choices="cgroups cpus landlock" ;;
        --agent) choices=$(_bailey_members agent audit --json --limit 1000) ;;
        --run) choices=$(_bailey_members run tree --all --json) ;;
        --apply | --discard) choices=$(_bailey_members agent changes --json) ;;
        --body) choices="request response" ;;
        --form) choices="jwks pem spiffe" ;;
        --format) choices="receipts jsonl ocsf otlp" ;;
        --oidc-token-env) choices=$(compgen -e) ;;
        --principal) _bailey_principal < <(_bailey_launchers); return ;;
        --name | --drain | --limit | --public-key | --chain | --record | --reason | --after | --otlp | --for | --size | --speed) choices= ;;
        -o | --output) mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        *) return 1 ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
}

# Sets `command_at` to where the command of `bailey run` begins; to $cword when it is not there yet.
_bailey_command_at() {
    for ((command_at = 2; command_at < cword; command_at++)); do
        case ${words[command_at]} in
            --) ((command_at++)); return ;;
            --alone | --help | -h | --*=*) ;;
            -?*) ((command_at++)) ;;
            *) return ;;
        esac
    done
}

# Words of a command's own, which begins at $1, are completed as that command's.
_bailey_command_words() {
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    else
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

# What stands behind --, where that does.
_bailey_behind_dashes() {
    local i
    for ((i = 2; i < cword; i++)); do
        [ "${words[i]}" = -- ] || continue
        if ((i + 1 < cword)); then
            _bailey_command_words "$((i + 1))"
        else
            mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -f -- "$cur")
        fi
        return 0
    done
    return 1
}

_bailey_run() {
    local command_at
    _bailey_command_at
    if ((command_at < cword)); then
        _bailey_command_words "$command_at"
        return
    fi
    [ "$prev" != -- ] && _bailey_value && return
    case $cur in
        -*) mapfile -t COMPREPLY < <(
                compgen -W "-p --profile --profiles --config --name -w --workspace --allow-degraded --oidc-token-file --oidc-token-env --saml-assertion-file --alone --" -- "$cur"
            ) ;;
        *) mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -f -- "$cur") ;;
    esac
}

_bailey() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local -a words=("${COMP_WORDS[@]}")
    local cword=$COMP_CWORD choices= files=
    COMPREPLY=()
    # What stands before a word that colons divide.
    local i=$cword
    while ((i > 1)) && [[ ${words[i]} == : || ${words[i - 1]} == : ]]; do ((i--)); done
    [ "${words[i - 1]}" = --principal ] && prev=--principal
    if [ "$cword" = 1 ]; then
        choices="$_bailey_commands help --help --version"
    elif [ "${words[1]}" = run ] || [ "${words[1]}" = shell ]; then
        _bailey_run
        return
    elif [ "${words[1]}" = replay ] && _bailey_behind_dashes; then
        return
    elif _bailey_value; then
        return
    else
        case ${words[1]} in
            serve) choices="--profiles --config --allow-degraded --drain --ahead" ;;
            ps) choices="--json" ;;
            kill) choices=$(_bailey_members agent ps --json) ;;
            revoke)
                case " ${words[*]} :$cur" in
                    *:-*) choices="--reason --keep-running --lift --list --state --json" ;;
                    *" --list "*) ;;
                    *" --lift "*) _bailey_principal < <(_bailey_principals); return ;;
                    *) _bailey_principal < <(_bailey_members agent ps --json; _bailey_launchers); return ;;
                esac ;;
            tree)
                case $cur in
                    -*) choices="--run --all --running --principal --state --json" ;;
                    *) choices=$(_bailey_members run tree --all --json) ;;
                esac ;;
            help) [ "$cword" = 2 ] && choices=$_bailey_commands ;;
            audit)
                choices="--agent --run --principal --denied --limit --fleet --chain --state --json"
                case ${words[2]} in
                    verify) [ "$cword" -gt 2 ] && choices="--public-key --checkpoints --fleet --chain --config --state --json" ;;&
                    checkpoint) [ "$cword" -gt 2 ] && choices="-o --state" ;;&
                    prune) [ "$cword" -gt 2 ] && choices="--for --size --dry-run --config --state" ;;&
                    hold) [ "$cword" -gt 2 ] && choices="--reason --release --list --state" ;;&
                    show) [ "$cword" -gt 2 ] && choices="--body --state --json" ;;&
                    export) [ "$cword" -gt 2 ] && choices="--format --otlp --after --receipts --run --agent --record --output -o --fleet --chain --config --state" ;;&
                    *) [ "$cword" = 2 ] && choices="show verify export checkpoint prune hold $choices" ;;
                esac ;;
            replay)
                case $cur in
                    -*) choices="--as-policy --in-place-of --offline --profile --workspace --name --config --allow-degraded --profiles --terminal --asciicast --speed --state --json" ;;
                    *) choices="$(_bailey_members run tree --all --json) $(_bailey_members agent audit --json --limit 1000)" ;;
                esac ;;
            sessions)
                case $cur in
                    -*) choices="--verify --state --json" ;;
                    *) choices=$(_bailey_members agent sessions --json | cut -d . -f 1 | sort -u) ;;
                esac ;;
            approvals)
                case "$cword ${words[2]} $cur" in
                    2*) choices="list show approve deny" ;;
                    *" list "*) choices="--watch --json --socket --fleet" ;;
                    *" show -"*) choices="--json --socket --fleet" ;;
                    *" approve -"*) choices="--for --reason --socket --fleet" ;;
                    *" deny -"*) choices="--all-of --reason --socket --fleet" ;;
                    *) choices=$(_bailey_members id approvals list --json) ;;
                esac ;;
            trace)
                case " ${words[*]} :$cur" in
                    *:-*) choices="--who-saw --svg --fleet --chain --state --json" ;;
                    *" --who-saw "*) ;;
                    *)
                        choices="$(_bailey_members run tree --all --json) $(_bailey_members agent audit --json --limit 1000)"
                        _bailey_principal < <(_bailey_launchers; printf '%s\n' $choices)
                        return ;;
                esac ;;
            changes)
                case " ${words[*]} :$cur" in
                    *:-*) choices="--apply --discard --force --state --json" ;;
                    *" --apply "*) files=-f ;;
                    *) choices=$(_bailey_members agent changes --json) ;;
                esac ;;
            doctor) choices="--json" ;;
            identity)
                case $cword:${words[2]} in
                    2:*) choices="bundle keys" ;;
                    *:bundle) choices="--form --output --config --state" ;;
                    *:keys) choices="--json --config --state" ;;
                esac ;;
            profile)
                case $cword:${words[2]}:$cur in
                    2:*) choices="check show explain test words" ;;
                    *:check:-*) choices="--strict --json --config --profiles -w --workspace" ;;
                    *:show:-*) choices="--json --profiles -w --workspace" ;;
                    *:explain:-*) choices="--under --as --group --claim --json --config --profiles -w --workspace" ;;
                    *:test:-*) choices="--json" ;;
                    *:check:* | 3:show:* | 3:explain:*) choices=$(_bailey_profiles "") files=-f ;;
                    3:test:*) files=-d ;;
                    3:words:*) choices="http https postgres tls tcp syscalls mask" ;;
                esac ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur"; [ -z "$files" ] || compgen "$files" -- "$cur")
}

complete -F _bailey bailey
