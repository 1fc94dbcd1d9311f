import TestSupport

extension Place {
    /// A place with two profiles: `top` may launch `leaf`, four at a time.
    static func nesting() throws -> Place {
        let place = try Place()
        try place.write(
            "bailey: 1\nname: top\nextends: [base]\nchildren: {profiles: [leaf], depth: 1, count: 4}\n",
            to: "config/bailey/profiles/top.yaml"
        )
        try place.write("bailey: 1\nname: leaf\nextends: [base]\n", to: "config/bailey/profiles/leaf.yaml")
        return place
    }
}
