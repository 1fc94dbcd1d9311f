internal import Client
package import Foundation
internal import Gateway
package import Identity
internal import Model
internal import Synchronization

/// What services are told of the keys that vouch for agents, and who mints with them.
package enum MintKeeping {
    /// The keys as this user's configuration and state have them, made where they are due.
    ///
    /// - Parameters:
    ///   - file: the operator's configuration; nil for `bailey.yaml` at its place.
    ///   - state: the state directory; nil for this user's.
    ///   - now: the moment.
    /// - Returns: the generations that there are.
    /// - Throws: when the keys cannot be read or kept.
    package static func ring(
        configuration file: String?,
        state: String?,
        at now: Date = Date()
    ) throws -> MintKeyRing {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        let machine = try OperatorConfiguration.load(file: file, directory: directories.configuration)
        return try files(in: state ?? directories.state, machine).ring(at: now)
    }

    private static func files(in state: String, _ machine: OperatorConfiguration) -> MintKeyFiles {
        MintKeyFiles(in: state, domain: machine.trustDomain, schedule: machine.keySchedule)
    }

    /// Mints for the agents of a supervisor.
    static func mint(_ configuration: SupervisorConfiguration) throws -> AgentMint {
        let machine = configuration.machine
        let files = files(in: configuration.directories.state, machine)
        // Here, and not at the first request: keys of no use refuse the launch.
        _ = try files.ring(at: Date())
        return AgentMint(
            ring: { try files.ring(at: $0) },
            domain: machine.trustDomain,
            issuer: machine.tokenIssuer
        )
    }

    /// Publishes what services verify agents by, where the operator says so.
    static func publication(_ configuration: SupervisorConfiguration) throws -> Publication? {
        guard let place = configuration.machine.publication else { return nil }
        let files = files(in: configuration.directories.state, configuration.machine)
        let first = try documents(files.ring(at: Date()), at: Date())
        let latest = Mutex(first)
        return try Publication(at: place.address, port: place.port) {
            let now = Date()
            // Where they cannot be made anew, what was said last is better than nothing.
            let fresh = try? documents(files.ring(at: now), at: now)
            return latest.withLock { latest in
                if let fresh { latest = fresh }
                return latest
            }
        }
    }

    /// By path.
    private static func documents(
        _ ring: MintKeyRing,
        at now: Date
    ) throws -> [String: Publication.Document] {
        let bundle = TrustBundle(ring, at: now)
        var documents: [String: Publication.Document] = [:]
        for form in TrustBundle.Form.allCases {
            documents["/" + form.fileName] = Publication.Document(
                mediaType: form.mediaType,
                text: try bundle.text(form)
            )
        }
        // Where verifiers of tokens look first.
        documents["/.well-known/jwks.json"] = documents["/" + TrustBundle.Form.jwks.fileName]
        return documents
    }

    /// What a launch that mints would be refused for: keys that do not read, or are of another trust domain.
    ///
    /// Makes none.
    ///
    /// - Parameters:
    ///   - file: the operator's configuration; nil for `bailey.yaml` at its place.
    ///   - directories: of the user.
    /// - Returns: the refusal; nil where there are no keys yet, or they are of use.
    static func trouble(configuration file: String?, _ directories: StateDirectories) -> String? {
        guard FileManager.default.fileExists(atPath: directories.state + "/keys") else { return nil }
        do {
            let machine = try OperatorConfiguration.load(file: file, directory: directories.configuration)
            _ = try files(in: directories.state, machine).kept()
            return nil
        } catch {
            return "\(error)"
        }
    }
}
