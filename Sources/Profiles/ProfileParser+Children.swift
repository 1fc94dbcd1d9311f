internal import Model
internal import Policy

/// `children`.
extension ProfileParser {
    mutating func read(children node: YAMLNode, into fragment: inout ProfileFragment) {
        let keys = ["profiles", "ask", "approval", "depth", "count"]
        guard let children = node.mapping("children", keys: keys, unbuilt: ["transitions"], &errors) else {
            return
        }
        fragment.childProfiles = childGlobs(children, "profiles")
        let terms = approval(children, of: "children")
        fragment.childAsks = childGlobs(children, "ask").map {
            AskedChild(glob: $0.value, terms: terms, source: $0.source)
        }
        if let node = children["depth"],
            let depth = node.integer("children.depth", 0...Self.maximumDepth, &errors)
        {
            fragment.depth = Sourced(value: depth, source: source(node.position))
        }
        if let node = children["count"],
            let count = node.integer("children.count", 0...Self.maximumCount, &errors)
        {
            fragment.count = Sourced(value: count, source: source(node.position))
        }
    }

    private mutating func childGlobs(_ children: YAMLMapping, _ key: String) -> [Sourced<String>] {
        var globs: [Sourced<String>] = []
        for item in children[key]?.texts("children.\(key)", &errors) ?? [] {
            guard has(roomFor: 1, of: .children, at: item.position) else { break }
            guard ProfileName.isValidGlob(item.text) else {
                errors.report(
                    "children.\(key): \"\(item.text)\" is not a profile's name or a glob",
                    at: item.position
                )
                continue
            }
            globs.append(Sourced(value: item.text, source: source(item.position)))
        }
        return globs
    }
}
