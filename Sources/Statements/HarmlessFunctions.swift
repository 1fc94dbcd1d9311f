internal import Model

/// Functions of `pg_catalog` that do nothing but compute: `harmless.txt`, made by `tools/statements/functions` from what
/// PostgreSQL 15 says of its own.
enum HarmlessFunctions {
    private static let names: Set<ByteText> = Set(
        String(decoding: PackageResources.harmless_txt, as: UTF8.self).cut(at: "\n").map { ByteText($0) }
    )

    /// Whether it is one: without a schema it is looked for in `pg_catalog` first.
    static func contains(_ name: SQLName) -> Bool {
        guard name.schema == nil || name.schema == ByteText("pg_catalog") else { return false }
        return names.contains(name.name)
    }
}
