internal import Foundation
internal import Glibc
package import Model

/// Where recordings of terminals lie: `terminals/RUN/AGENT` in the state directory, mode 0600.
package enum TerminalFiles {
    static let folder = "terminals"

    package static func path(of agent: AgentID, in directory: String) -> String {
        "\(directory)/\(folder)/\(agent.run)/\(agent.text)"
    }

    /// Octets of an agent's; nil where there is none.
    package static func size(of agent: AgentID, in directory: String) -> UInt64? {
        var status = stat()
        guard unsafe stat(path(of: agent, in: directory), &status) == 0 else { return nil }
        return UInt64(clamping: status.st_size)
    }

    /// Octets that the file of what is on record has, where all of it is there.
    package static func size(of recorded: RecordedTerminal) -> UInt64 {
        let frame = UInt64(TerminalSeal.length + AuditLimits.sealTag)
        let (frames, isTooMany) = recorded.chunks.multipliedReportingOverflow(by: frame)
        let (chunks, isTooMuch) = frames.addingReportingOverflow(recorded.octets)
        let (all, isBeyond) = chunks.addingReportingOverflow(UInt64(TerminalSeal.header))
        return isTooMany || isTooMuch || isBeyond ? .max : all
    }

    static func make(_ agent: AgentID, in directory: String) throws(AuditStoreError) -> PrivateFile {
        let state = try StateDirectory(directory, create: true)
        let folder = try state.directory(Self.folder, create: true).directory(agent.run, create: true)
        guard let file = try PrivateFile.open(agent.text, in: folder, .createNew) else {
            throw AuditStoreError(
                .unsafeFile,
                "cannot make \(path(of: agent, in: directory)): it is there already"
            )
        }
        return file
    }

    static func open(_ agent: AgentID, in directory: String) throws(AuditStoreError) -> PrivateFile? {
        let state = try StateDirectory(directory, create: false)
        let folder = try state.directory(Self.folder, create: false).directory(agent.run, create: false)
        return try PrivateFile.open(agent.text, in: folder, .read)
    }

    static func remove(_ agent: AgentID, in directory: String) {
        _ = unsafe unlink(path(of: agent, in: directory))
    }
}
