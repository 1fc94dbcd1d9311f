internal import Glibc
package import Model
package import Policy

/// What one `bailey profile …` command came to: what it prints and how it exits.
package struct ReviewOutcome: Sendable, Hashable {
    /// For standard output, with its last newline.
    package var output: String
    /// For standard error, with its last newline; empty when there is nothing to say.
    package var complaints: String
    package var exitCode: Int32

    /// Everything is as it should be.
    package static let success: Int32 = 0
    /// The request is denied, a table failed, a lint was found under `--strict`.
    package static let negative: Int32 = 1
    /// A profile, table or request did not parse (sysexits.h, EX_DATAERR).
    package static let badInput: Int32 = 65

    package init(output: String = "", complaints: String = "", exitCode: Int32 = ReviewOutcome.success) {
        self.output = output
        self.complaints = complaints
        self.exitCode = exitCode
    }

    init(_ error: ProfileError) {
        self.init(complaints: "\(error)\n", exitCode: Self.badInput)
    }
}

extension ReviewOutcome {
    /// Writes both texts to this process's standard output and error, in this order.
    package func write() {
        print(output, terminator: "")
        guard !complaints.isEmpty else { return }
        _ = fflush(nil)
        Self.complain(complaints)
    }

    private static func complain(_ text: String) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            // There is nowhere left to say it: the exit code stands.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// The questions that a security team asks of profiles without running anything.
package struct ProfileReview: Sendable {
    /// Says why no filter can be made of a policy; nil when one can.
    package typealias Compiler = @Sendable (SystemCallPolicy) -> String?

    let loader: ProfileLoader
    let compile: Compiler
    /// What else the launching side would refuse.
    let launcher: Launcher

    /// The launching side's answers; without one nothing is known to be refused.
    package struct Launcher: Sendable {
        /// Why no agent is granted a path; nil when one may be.
        let refusal: @Sendable (_ path: String) -> String?
        /// Whether there is a credential of this name; nil when that is not known.
        let hasCredential: @Sendable (_ name: String) -> Bool?
        /// Variables that are never passed.
        let neverPassed: [String]
        /// Why the file of credentials does not read, so that every launch is refused; nil when it does.
        let unreadable: String?
        /// Where a credential is sent; nil where that is not known.
        let hosts: @Sendable (_ credential: String) -> [HostPattern]?
        /// Names that the gateway resolves itself.
        let resolve: [DNSName: IPAddress]
        /// Why the operator's configuration does not read, so that every launch is refused; nil when it does.
        package let unconfigured: String?
        /// Why nothing can be minted, so that every launch is refused; nil where it can, or need not.
        let unminted: String?
        /// All that every launch is refused for; empty when nothing is.
        package var everyRefusal: [String] {
            [
                unreadable.map { "the credentials do not read, so every launch is refused: \($0)" },
                unconfigured.map { "the configuration does not read, so every launch is refused: \($0)" },
                unminted.map { "every launch is refused, since credentials are minted: \($0)" },
            ].compactMap(\.self)
        }

        /// What tokens and assertions can prove; nil where it is not known.
        let issuers: [IssuerFacts]?
        /// Who can answer what rules ask; nil where it is not known.
        package let approvers: ApproverFacts?

        package init(
            refusal: @escaping @Sendable (_ path: String) -> String? = { _ in nil },
            hasCredential: @escaping @Sendable (_ name: String) -> Bool? = { _ in nil },
            neverPassed: [String] = [],
            unreadable: String? = nil,
            hosts: @escaping @Sendable (_ credential: String) -> [HostPattern]? = { _ in nil },
            resolve: [DNSName: IPAddress] = [:],
            unconfigured: String? = nil,
            unminted: String? = nil,
            issuers: [IssuerFacts]? = nil,
            approvers: ApproverFacts? = nil
        ) {
            self.refusal = refusal
            self.hasCredential = hasCredential
            self.neverPassed = neverPassed
            self.unreadable = unreadable
            self.hosts = hosts
            self.resolve = resolve
            self.unconfigured = unconfigured
            self.unminted = unminted
            self.issuers = issuers
            self.approvers = approvers
        }
    }

    package init(
        loader: ProfileLoader,
        launcher: Launcher = Launcher(),
        compile: @escaping Compiler = { _ in nil }
    ) {
        self.loader = loader
        self.launcher = launcher
        self.compile = compile
    }

    /// A review with the folders and variables of this invocation.
    ///
    /// - Parameters:
    ///   - profiles: what `--profiles` said.
    ///   - workspace: what `-w` said; the current directory without it.
    ///   - launcher: what the launching side would refuse.
    ///   - compile: makes a filter of a policy, which only the launching side can.
    package init(
        profiles: String?,
        workspace: String?,
        launcher: Launcher,
        compile: @escaping Compiler
    ) {
        let home = Self.environment("HOME")
        let search = ProfileSearch(
            explicit: profiles,
            configurationHome: Self.environment("XDG_CONFIG_HOME"),
            home: home
        )
        let variables = ProfileVariables(
            workspace: workspace ?? TextFile.currentDirectory,
            home: home,
            temporary: Self.environment("TMPDIR") ?? "/tmp"
        )
        self.init(
            loader: ProfileLoader(search: search, variables: variables),
            launcher: launcher,
            compile: compile
        )
    }

    /// `./FILE`, `/FILE` and what ends in `.yaml` is a file, everything else a name.
    func merged(_ reference: String) throws(ProfileError) -> MergedProfile {
        reference.holds("/") || reference.ends(with: ".yaml")
            ? try loader.merged(file: reference) : try loader.merged(name: reference)
    }

    static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }
}
