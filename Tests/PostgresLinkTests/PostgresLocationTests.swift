import PostgresLink
import Testing

/// Which URLs name a database of the operator's.
@Suite("Where a database is") struct PostgresLocationTests {
    @Test(
        "A URL names user, host, port and database, or the folder of a socket",
        arguments: [
            ("postgresql://bailey@db.example.com/audit", "PostgreSQL at db.example.com:5432, database audit"),
            ("postgres://db.example.com:6432/audit", "PostgreSQL at db.example.com:6432, database audit"),
            ("postgresql://bailey@[::1]:5433/a%20b", "PostgreSQL at [::1]:5433, database a b"),
            ("postgresql://u@10.0.0.1/audit?sslmode=disable", "PostgreSQL at 10.0.0.1:5432, database audit"),
            (
                "postgresql://u@/audit?host=/run/postgresql",
                "PostgreSQL at /run/postgresql:5432, database audit"
            ),
        ]
    )
    func good(url: String, description: String) throws {
        #expect(try PostgresLocation(url).description == description)
    }

    @Test("Without a word TLS is verified, its name too, and what is less has to be written")
    func security() throws {
        #expect(try PostgresLocation("postgresql://u@h/d").security == .full)
        for security in PostgresLocation.Security.allCases {
            let location = try PostgresLocation("postgresql://u@h/d?sslmode=\(security.rawValue)")
            #expect(location.security == security)
        }
    }

    @Test(
        "What is no such URL is refused with what is wrong",
        arguments: [
            ("mysql://u@h/d", "no URL of PostgreSQL"), ("h/d", "no URL of PostgreSQL"),
            ("postgresql://u@h", "names no database"), ("postgresql://u@h/", "names no database"),
            ("postgresql://u:secret@h/d", "password: {file: PATH}"),
            ("postgresql://u@h/d?password=x", "a key of its own, password"),
            ("postgresql://u@h/d?sslmode=prefer", "not for the server to say"),
            ("postgresql://u@h/d?sslmode=allow", "not for the server to say"),
            ("postgresql://u@h/d?sslmode=disable&sslmode=disable", "there twice"),
            ("postgresql://u@h/d?options=-csearch_path%3Dx", "does not go here"),
            ("postgresql://u@h:0/d", "no port"), ("postgresql://u@h:65536/d", "no port"),
            ("postgresql://u@a,b/d", "no host"), ("postgresql://u@h/d?host=/run", "folder of a socket"),
            ("postgresql://u@/d?host=h", "folder of a socket"),
            ("postgresql://u@h/d%00", "names no database"),
            ("postgresql://u@h/d?sslcert=/c", "go together"),
            ("postgresql://u@h/d?sslrootcert=ca", "absolute"),
            ("postgresql://@h/d", "names no user"), ("postgresql://u@h/d?sslmode", "NAME=VALUE"),
        ]
    )
    func bad(url: String, complaint: String) {
        let problem = #expect(throws: PostgresLocation.Problem.self) { try PostgresLocation(url) }
        #expect(problem?.message.contains(complaint) == true, "\(problem?.message ?? "")")
        #expect(problem?.message.contains("secret") != true)
    }
}
