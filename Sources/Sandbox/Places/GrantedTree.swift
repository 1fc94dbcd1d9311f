internal import Glibc
internal import Linux
internal import Model

/// One grant as it was looked at: what its path leads to, by identity, and every part of a file system in it.
struct GrantedTree: Sendable {
    /// A part of one file system, and where the agent sees it; nil where that is not text.
    struct Part: Sendable {
        var location: Location
        var view: String?
    }

    let grant: Grant
    /// Names by which the host sees what is granted, links resolved.
    let names: [ArraySlice<UInt8>]
    let facts: MachineFacts.PathFacts
    /// The first is the grant's own, the others are mounted beneath it.
    let parts: [Part]

    /// Opens the path as the launcher will; nil when it is not there, or may not be looked at.
    static func of(_ grant: Grant, in table: MountTable) throws(LaunchFailure) -> GrantedTree? {
        guard let place = try open(grant) else { return nil }
        guard let location = place.location(in: table) else { throw unknown(grant) }
        let names = place.names
        let beneath = table.beneath(names).map { mount in
            let way = Location(fileSystem: 0, names: names).way(
                to: Location(fileSystem: 0, names: mount.point)
            )
            return Part(location: mount.root, view: way.map { grant.path + $0 })
        }
        return GrantedTree(
            grant: grant,
            names: names,
            facts: place.facts,
            parts: [Part(location: location, view: grant.path)] + beneath
        )
    }

    private static func open(_ grant: Grant) throws(LaunchFailure) -> OpenPlace? {
        if let straight = OpenPlace.straight(grant.path) { return straight }
        let file = OwnedDescriptor(unsafe Glibc.open(grant.path, OpenPlace.looking))
        guard file.rawValue >= 0 else { return nil }
        guard let place = OpenPlace(file) else { throw unknown(grant) }
        return place
    }

    private static func unknown(_ grant: Grant) -> LaunchFailure {
        LaunchFailure(
            step: "grant a path",
            object: grant.path,
            errno: ESTALE,
            remedy:
                "Where it lies is not known, so neither whether Bailey keeps something of its own there: try again,"
                + " and leave the path out where this stays."
        )
    }

    /// Where the agent sees what lies there, in each part that shows it; empty when none does.
    func views(of location: Location) throws(LaunchFailure) -> [String] {
        var views: [String] = []
        for part in parts where part.location.covers(location) {
            guard let view = part.view, let way = part.location.way(to: location) else {
                throw LaunchFailure(
                    step: "grant a path",
                    object: grant.path,
                    errno: EILSEQ,
                    remedy: "What has to be covered in it has a name that is not UTF-8: leave this path out."
                )
            }
            views.append(view + way)
        }
        return views
    }
}
