internal import Linux
internal import Model

/// A program that prints the secret: run without a shell, in a clean environment.
struct SecretCommand {
    let arguments: [String]
    let credential: String
    let home: String?
    /// Octets that it may print.
    let maximum: Int

    func run() throws(CredentialFailure) -> [UInt8] {
        let program = ProgramOutput(
            arguments: arguments,
            environment: ["PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8"]
                + (home.map { ["HOME=\($0)"] } ?? []),
            maximum: maximum,
            timeout: CredentialLimits.commandTimeout
        )
        do {
            var output = try program.run()
            output.dropLineEnd()
            return output
        } catch {
            throw CredentialFailure(
                "credential \(credential): command \(arguments.first ?? ""): \(error.reason)"
            )
        }
    }
}
