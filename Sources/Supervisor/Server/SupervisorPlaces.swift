internal import Client
internal import Glibc
internal import Linux
internal import Model

/// Where the supervisors that a command concerns may listen.
struct SupervisorPlaces {
    /// Sockets in the folders of this user.
    let own: [String]
    /// Those that have the log in question and may live.
    let registered: [RuntimeFolder.Registered]
    /// Where they are registered.
    let folder: RuntimeFolder
    /// Why some are not found, for each folder where something hinders.
    let failures: [String]
    /// Whether only those count that are registered: the log is not the one that the environment names.
    private let isOfOtherLog: Bool
    private let ownPaths: Set<ByteText>

    /// - Parameter state: the state directory that they have; nil for all supervisors of this user that are found.
    init(of state: String? = nil) {
        let directories = StateDirectories(
            environment: ProcessEnvironment.dictionary,
            home: HomeFolder.current
        )
        let other = state.flatMap { $0.isSame(as: directories.state) ? nil : $0 }
        isOfOtherLog = other != nil
        folder = RuntimeFolder(path: other.map { $0 + "/run" } ?? directories.serviceRuntime)
        let entries = folder.listing
        registered = folder.held(entries.registered)
        var folders = RuntimeFolder.all(of: directories)
        if other != nil { folders.append(folder) }
        let listings = folders.map(\.listing)
        own = listings.flatMap(\.sockets)
        ownPaths = Set(own.map { ByteText($0) })
        let gaps = Set(([entries] + listings).compactMap(\.gap).map { ByteText($0) })
        failures = (Self.failure(of: folder).map { [$0] } ?? []) + gaps.map(\.text).sorted()
    }

    private static func failure(of folder: RuntimeFolder) -> String? {
        var status = stat()
        guard unsafe lstat(folder.path, &status) == 0, !folder.isOurs else { return nil }
        return
            "supervisors that are registered in \(folder.path) are not found: it has to be a folder of this user's alone"
    }

    /// Where those listen that are registered, and are in none of the user's folders.
    var elsewhere: [String] {
        var paths = ownPaths
        return registered.map(\.socket).filter { paths.insert(ByteText($0)).inserted }
    }

    /// Whether it is told what hinders at a path: of another log's supervisors those count that are registered.
    func isTold(of path: String) -> Bool { !isOfOtherLog && ownPaths.contains(ByteText(path)) }

    /// Whether a run's supervisor has the log in question.
    func concerns(_ run: String) -> Bool {
        !isOfOtherLog || registered.contains { $0.run.isSame(as: run) }
    }

    /// The supervisor that listens at a path, in words.
    static func description(of path: String) -> String {
        let name = path.lastPlace(of: "/").map { String(path.rest(behind: $0)) } ?? path
        return name.isSame(as: RuntimeFolder.serverName)
            ? "the supervisor of 'bailey serve'" : "the supervisor of run \(name)"
    }
}
