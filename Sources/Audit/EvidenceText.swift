internal import Model

extension ConnectionEvidence {
    /// In one line, for lists.
    var summary: String {
        guard let holder = processes.first else {
            return "not found: " + TerminalText.escaped(missing ?? "nobody looked")
        }
        return "\(holder.pid) \(holder.argv.commandText)"
    }

    /// The process and those above it, and that none of it decided anything.
    var lines: [String] {
        guard !processes.isEmpty else {
            return ["  process: " + summary + " (evidence, which decided nothing)"]
        }
        return processes.enumerated().map { index, process in
            let place = index == 0 ? "process" : "  under"
            return "  \(place) \(process.pid): \(process.argv.commandText), \(process.file)"
                + (index == 0 ? " (evidence, which decided nothing)" : "")
        }
    }
}

extension ProcessEvidence {
    fileprivate var file: String {
        guard let program else { return "a program that could not be read" }
        return TerminalText.escaped(program) + (programDigest.map { " SHA-256 \($0)" } ?? "")
    }
}
