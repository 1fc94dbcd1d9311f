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

/// The others of `pg_catalog` that take one value: `values.txt`.
///
/// They may be called in the way of a column, `(value).name` (PostgreSQL 15, section 38.5.2).
enum ValueFunctions {
    private static let names: Set<ByteText> = Set(
        String(decoding: PackageResources.values_txt, as: UTF8.self).cut(at: "\n").map { ByteText($0) }
    )

    static func contains(_ name: ByteText) -> Bool { names.contains(name) }
}

/// What the columns of the results of harmless functions are called: `columns.txt`.
enum ResultColumns {
    private static let names: [ByteText: Set<ByteText>] = {
        var names: [ByteText: Set<ByteText>] = [:]
        for row in String(decoding: PackageResources.columns_txt, as: UTF8.self).cut(at: "\n") {
            let words = row.cut(at: "\t")
            guard words.count == 2 else { continue }
            names[ByteText(words[0]), default: []].insert(ByteText(words[1]))
        }
        return names
    }()

    /// Of a function that is harmless.
    static func of(_ function: SQLName) -> Set<ByteText> { names[function.name] ?? [] }
}
