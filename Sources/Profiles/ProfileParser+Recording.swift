internal import Model

extension ProfileParser {
    /// `record: full`, or `record: {bodies: full, terminal: required}`.
    mutating func read(record node: YAMLNode, into fragment: inout ProfileFragment) {
        guard case .mapping = node.content else {
            fragment.recording = bodies(node, "record")
            return
        }
        guard let record = node.mapping("record", keys: ["bodies", "terminal"], &errors) else { return }
        if let node = record["bodies"] { fragment.recording = bodies(node, "record.bodies") }
        guard let node = record["terminal"],
            let word = node.word(
                "record.terminal",
                of: TerminalRecording.allCases.map(\.rawValue),
                &errors
            )
        else { return }
        fragment.terminal = TerminalRecording(rawValue: word).map {
            Sourced(value: $0, source: source(node.position))
        }
    }

    private mutating func bodies(_ node: YAMLNode, _ key: String) -> Sourced<Recording>? {
        guard let word = node.word(key, of: Recording.allCases.map(\.rawValue), &errors) else { return nil }
        return Recording(rawValue: word).map { Sourced(value: $0, source: source(node.position)) }
    }
}
