/// One live agent, as `bailey ps` shows it.
package struct AgentSummary: Sendable, Hashable {
    package var agent: String
    /// Nil for a root agent.
    package var parent: String?
    package var name: String
    package var profile: String
    /// Who launched its run.
    package var principal: String
    /// Its SPIFFE id; nil where it would be too long for one.
    package var spiffe: String?
    /// Seconds since its launch.
    package var age: Int32
    /// It is cut off: whatever it tries outside is refused.
    package var isRevoked: Bool
    /// As many of its arguments as fit, from the first.
    package private(set) var argv: [String]
    /// How many more there are.
    package private(set) var omittedArguments: Int32

    package init(
        agent: String,
        parent: String?,
        name: String,
        profile: String,
        principal: String,
        spiffe: String?,
        age: Int32,
        isRevoked: Bool,
        argv: [String]
    ) {
        self.agent = agent
        self.parent = parent
        self.name = name
        self.profile = profile
        self.principal = principal
        self.spiffe = spiffe
        self.age = age
        self.isRevoked = isRevoked
        var room = Self.maximumArguments
        self.argv = Array(
            argv.prefix { argument in
                room -= argument.utf8.count + MemoryLayout<Int32>.size
                return room >= 0
            }
        )
        omittedArguments = Int32(clamping: argv.count - self.argv.count)
    }

    /// Bytes of arguments that a summary shows, their lengths included: half of an answer.
    package static let maximumArguments = 64 << 10
    /// Bytes of one answer, but for its last summary's: with that it fits into a socket's buffer, 208 KiB by default
    /// (net.core.wmem_default), and nobody waits for the one who reads them.
    private static let maximumAnswer = 64 << 10
    /// Bytes of a summary's two names, its subject, its SPIFFE id and its numbers, at most.
    private static let maximumRest = 4 << 10

    /// As many as fit into one answer, the first at least.
    package static func part(of summaries: some Sequence<AgentSummary>) -> [AgentSummary] {
        var (part, room): ([AgentSummary], Int) = ([], maximumAnswer)
        for summary in summaries {
            part.append(summary)
            room -= summary.argv.reduce(maximumRest) { $0 + $1.utf8.count + MemoryLayout<Int32>.size }
            if room <= 0 { break }
        }
        return part
    }

    func write(to writer: inout ControlWriter) {
        writer.write(agent)
        writer.write(parent)
        writer.write(name)
        writer.write(profile)
        writer.write(principal)
        writer.write(spiffe)
        writer.write(age)
        writer.write(isRevoked)
        writer.write(argv)
        writer.write(omittedArguments)
    }

    init(from reader: inout ControlReader) throws(ControlError) {
        agent = try reader.text()
        parent = try reader.optionalText()
        name = try reader.text()
        profile = try reader.text()
        principal = try reader.text()
        spiffe = try reader.optionalText()
        age = try reader.integer()
        isRevoked = try reader.flag()
        argv = try reader.list()
        omittedArguments = try reader.integer()
    }
}
