internal import Model
internal import Policy

extension ProfileReview {
    /// `bailey profile words syscalls`: the built-in policies, group by group, each with its reason.
    static func systemCallWords() -> ReviewOutcome {
        do throws(ProfileError) {
            return ReviewOutcome(
                output: """
                    default   what every agent runs under; it refuses:

                    \(text(of: try SystemCallPolicies.standard()))
                    strict    on top of default, for tools that need little; it allows nothing but:

                    \(text(of: try SystemCallPolicies.strict()))
                    NAME      on top of default, seccomp/NAME.json in a folder of profiles

                    A call with * is meant for some arguments only. Numbers that nobody reviewed answer ENOSYS,
                    foreign ABIs (i386, x32) are killed.

                    """
            )
        } catch {
            return ReviewOutcome(error)
        }
    }

    private static func text(of policy: SystemCallPolicy) -> String {
        policy.groups.map { group in
            let reason = "\(group.name): \(group.reason)".cut(at: " ").map(String.init)
            return wrapped(reason, indent: "  ") + wrapped(words(of: group), indent: "      ")
        }.joined()
    }

    /// Each call once, in order.
    private static func words(of group: SystemCallGroup) -> [String] {
        var seen: Set<String> = []
        return group.rules.flatMap { rule in
            rule.calls.map { $0.name + (rule.conditions.isEmpty ? "" : "*") }
        }.filter { seen.insert($0).inserted }
    }

    /// Columns of a terminal.
    private static let width = 100

    private static func wrapped(_ words: [String], indent: String) -> String {
        var lines: [String] = []
        for word in words {
            if let last = lines.last, last.utf8.count + 1 + word.utf8.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                // What follows the first line of a group stands deeper than its name.
                lines.append((lines.isEmpty ? indent : "      ") + word)
            }
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
