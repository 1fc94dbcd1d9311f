/// One request or launch that waits for an approval, as `bailey approvals` shows it.
package struct HeldSummary: Sendable, Hashable, Codable {
    /// In one answer: with a request's line of 16 KiB and a preview of 2, or a launch's paths of 4 and two lists of 8 more, and
    /// lists of 8 each they fit into a socket's buffer, 208 KiB by default (net.core.wmem_default), and nobody waits for the one
    /// who reads them.
    package static let perAnswer = 3
    /// Octets of a list, the lengths of its texts included: an agent's own profile may say much of its rules.
    private static let maximumList = 8 << 10
    /// Octets of one argument or path of a launch; the digest is of all of it.
    package static let maximumText = 1 << 10

    /// `http`, `websocket`, `connect`, `sql`, `launch`.
    package var kind: String
    /// `RUN-N`.
    package var id: String
    package var number: UInt64
    package var principal: String
    package var agent: String
    /// `NAME (PROFILE)` of every hop, root first.
    package var lineage: [String]
    package var action: String
    package var resource: String
    package var query: String?
    /// Of a launch: the command's arguments, and what else is to be said of it.
    package var command: [String]
    package var details: [String]
    /// SHA-256 of the canonical request, and of the content alone.
    package var digest: String
    package var content: String
    package var octets: UInt64
    package var type: String?
    package var preview: String
    /// Where the rules that ask stand, and what each demands.
    package var rules: [String]
    package var demands: [String]
    /// What it can be approved for at most.
    package var life: String
    /// Milliseconds.
    package var waited: UInt64
    package var left: UInt64
    /// How many clients wait for the answer now.
    package var waiting: Int32
    package var approvedBy: [String]
    /// Which webhooks were told of it, and which could not be.
    package var told: [String]
    /// The machine of the fleet that holds it, by the name that it has here; nil for this one.
    package var machine: String?

    package init(
        kind: String,
        id: String,
        number: UInt64,
        principal: String,
        agent: String,
        lineage: [String],
        action: String,
        resource: String,
        query: String?,
        command: [String] = [],
        details: [String] = [],
        digest: String,
        content: String,
        octets: UInt64,
        type: String?,
        preview: String,
        rules: [String],
        demands: [String],
        life: String,
        waited: UInt64,
        left: UInt64,
        waiting: Int32,
        approvedBy: [String],
        told: [String] = [],
        machine: String? = nil
    ) {
        self.kind = kind
        self.id = id
        self.number = number
        self.principal = principal
        self.agent = agent
        self.lineage = Self.shortened(lineage)
        self.action = action
        self.resource = resource
        self.query = query
        self.command = Self.shortened(command)
        self.details = Self.shortened(details)
        self.digest = digest
        self.content = content
        self.octets = octets
        self.type = type
        self.preview = preview
        self.rules = Self.shortened(rules)
        self.demands = Self.shortened(demands)
        self.life = life
        self.waited = waited
        self.left = left
        self.waiting = waiting
        self.approvedBy = Self.shortened(approvedBy)
        self.told = Self.shortened(told)
        self.machine = machine
    }

    /// A text as far as it is shown.
    package static func shown(_ text: String, atMost most: Int = maximumText) -> String {
        text.utf8.count > most
            ? String(decoding: text.utf8.prefix(most), as: UTF8.self) + "… (\(text.utf8.count) octets)" : text
    }

    /// As many of its texts as fit.
    package static func shortened(_ list: [String]) -> [String] {
        var room = maximumList
        let fitting = list.prefix { text in
            room -= text.utf8.count + MemoryLayout<Int32>.size
            return room >= 0
        }
        return fitting.count == list.count ? list : fitting + ["… and \(list.count - fitting.count) more"]
    }

    static func write(_ held: [HeldSummary], _ next: UInt64?, to writer: inout ControlWriter) {
        writer.write(next != nil)
        writer.write(next ?? 0)
        writer.write(Int32(clamping: held.count))
        for one in held { one.write(to: &writer) }
    }

    static func list(from reader: inout ControlReader) throws(ControlError) -> ([HeldSummary], UInt64?) {
        let hasMore = try reader.flag()
        let next = try reader.number()
        guard hasMore || next == 0 else { throw ControlError("a list without more names where more begins") }
        let count = try reader.integer()
        guard (0...Int32(ControlLimit.listCount)).contains(count) else {
            throw ControlError("list of \(count) requests")
        }
        var held: [HeldSummary] = []
        for _ in 0..<count { held.append(try HeldSummary(from: &reader)) }
        return (held, hasMore ? next : nil)
    }

    private func write(to writer: inout ControlWriter) {
        writer.write(kind)
        writer.write(id)
        writer.write(number)
        writer.write(principal)
        writer.write(agent)
        writer.write(lineage)
        writer.write(action)
        writer.write(resource)
        writer.write(query)
        writer.write(command)
        writer.write(details)
        writer.write(digest)
        writer.write(content)
        writer.write(octets)
        writer.write(type)
        writer.write(preview)
        writer.write(rules)
        writer.write(demands)
        writer.write(life)
        writer.write(waited)
        writer.write(left)
        writer.write(waiting)
        writer.write(approvedBy)
        writer.write(told)
        writer.write(machine)
    }

    private init(from reader: inout ControlReader) throws(ControlError) {
        kind = try reader.text()
        id = try reader.text()
        number = try reader.number()
        principal = try reader.text()
        agent = try reader.text()
        lineage = try reader.list()
        action = try reader.text()
        resource = try reader.text()
        query = try reader.optionalText()
        command = try reader.list()
        details = try reader.list()
        digest = try reader.text()
        content = try reader.text()
        octets = try reader.number()
        type = try reader.optionalText()
        preview = try reader.text()
        rules = try reader.list()
        demands = try reader.list()
        life = try reader.text()
        waited = try reader.number()
        left = try reader.number()
        waiting = try reader.integer()
        approvedBy = try reader.list()
        told = try reader.list()
        machine = try reader.optionalText()
    }
}
