internal import Model
internal import Policy

extension ProfileReview {
    /// The action words of rules for `postgres`.
    static var sqlWords: String {
        func list(_ kinds: [SQLKind]) -> String {
            var lines = [""]
            for kind in kinds.map(\.rawValue) {
                let joined = (lines.last.map { $0.isEmpty ? kind : "\($0), \(kind)" } ?? kind)
                if joined.utf8.count > 76, let last = lines.indices.last {
                    lines[last] += ","
                    lines.append(kind)
                } else if let last = lines.indices.last {
                    lines[last] = joined
                }
            }
            return lines.map { "  \($0)" }.joined(separator: "\n")
        }
        let unnamed = SQLKind.allCases.filter(\.hasToBeNamed)
        return """
            KIND                    whatever it is done to:     select
            KIND on SCHEMA.NAME     these tables:               insert on ci.*
            KIND on NAME            these settings, channels:   set on application_name
            KIND calling FUNCTION   functions that are called:  select calling pg_sleep, * calling app.*
            *                       every kind that has not to be named

            Behind select, update and delete, with or without on, may stand: with where, without where.
            Names stand as the server spells them; * stands for any part of one. Functions that only compute need no
            rule; the others are allowed by calling alone. A name without a schema is what every schema has, unless the
            rule pins search_path: to allow it takes a rule for all that it may mean, to deny it one for any.

            Kinds:
            \(list(SQLKind.allCases.filter { !$0.hasToBeNamed }))
            Kinds that * does not stand for under allow and ask:
            \(list(unnamed))

            A rule may say as well: credential, mask (kinds, and "column SCHEMA.TABLE.NAME"), role, search_path,
            statement_timeout, read_only, sslmode (\(DatabaseSession.SSLMode.allCases.map(\.rawValue).joined(separator: ", "))).
            Default port: 5432.

            """
    }
}
