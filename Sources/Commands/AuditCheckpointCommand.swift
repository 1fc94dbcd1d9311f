internal import ArgumentParser
internal import Audit

extension AuditCommand {
    /// `bailey audit checkpoint`.
    struct CheckpointLine: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "checkpoint",
            abstract: "Sign how far the log is, to be kept elsewhere.",
            discussion: """
                One line: the last record's number and hash, the time, the key, and the signature over them. Kept where \
                whoever may write the log may not, it shows later that its tail was cut off, or that it was written anew: \
                'bailey audit verify --checkpoints FILE'. With 'audit: {checkpoints: {file: …}}' in bailey.yaml \
                supervisors write such lines as they go.

                EXAMPLES
                  bailey audit checkpoint
                  bailey audit checkpoint -o /mnt/other/checkpoints
                  bailey audit checkpoint | ssh elsewhere 'cat >> checkpoints'
                """
        )

        @Option(
            name: [.customShort("o"), .long],
            help: ArgumentHelp("A file to append it to (default: standard output).", valueName: "file")
        )
        var output: String?
        @OptionGroup var state: StateOption

        func run() throws {
            try Outside.require("audit checkpoint")
            let directory = try state.directory()
            let checkpoint = try Checkpoint(ofStore: directory)
            guard let output else { return print(checkpoint.line) }
            try CheckpointFile(output).append(checkpoint)
            print("record \(checkpoint.sequence), in \(output)")
        }
    }
}
