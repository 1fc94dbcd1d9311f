internal import Model

/// `COPY`, whose result the server does not describe.
extension FlowWalk {
    mutating func visitCopy(_ node: Node) throws(StatementFault) {
        guard !tree.flag("is_from", of: node) else {
            guard let table = tree.part("relation", of: node) else { return }
            let scope = FlowScope([try range(table, FlowScope())])
            return try computeRest(of: node, except: ["relation"], scope)
        }
        try computeRest(of: node, except: ["relation", "query"], FlowScope())
        let output = try copied(node)
        let isElsewhere = tree.flag("is_program", of: node) || tree.text("filename", of: node) != nil
        guard !isElsewhere else { return expose(output.masks) }
        setResults(output, copy: try CopyOptions(node, tree).format)
    }

    private mutating func copied(_ node: Node) throws(StatementFault) -> FlowOutput {
        guard let table = tree.part("relation", of: node) else {
            var output = FlowOutput()
            for inner in try tree.nodes(tree.member("query", of: node)) {
                output = try query(inner, FlowScope())
            }
            return named(output)
        }
        let name = try tree.tableName(table)
        let candidates = tables.candidates(name)
        guard candidates.count == 1, let only = candidates.first else {
            return range(name, called: name.name).output.inexact
        }
        let listed = try names(tree.member("attlist", of: node))
        guard !listed.isEmpty else {
            let columns = only.columns.filter { $0.isListed && !$0.isGenerated }
            return FlowOutput(columns: columns.map(FlowColumn.init))
        }
        var output = FlowOutput()
        for name in listed {
            guard let column = only.columns.first(where: { $0.name == name }) else {
                return FlowOutput(rest: tables.masks, isExact: false)
            }
            output.columns.append(FlowColumn(column))
        }
        return output
    }

    /// A mask without a table holds for whatever a result calls so.
    private func named(_ output: FlowOutput) -> FlowOutput {
        var result = output
        result.columns = output.columns.map { column in
            var column = column
            let own = column.name.map { tables.masks(named: $0) } ?? []
            column.masks.formUnion(own.filter { $0.table == nil && $0.schema == nil })
            return column
        }
        return result
    }
}

extension FlowOutput {
    fileprivate var inexact: FlowOutput {
        var output = self
        output.isExact = false
        return output
    }
}

/// What stands behind WITH of a COPY.
struct CopyOptions {
    private var name = "text"
    private var delimiter: UInt8?
    private var null: [UInt8]?
    private var quote = UInt8(ascii: "\"")
    private var escape: UInt8?
    private var hasHeader = false
    /// It writes as these say.
    private var isKnown = true

    init(_ node: FactsWalk.Node, _ tree: FactsWalk) throws(StatementFault) {
        for option in try tree.nodes(tree.member("options", of: node)) {
            let arg = try tree.nodes(tree.member("arg", of: option)).first
            let word = arg.flatMap { $0.shape.name == "String" ? tree.text("sval", of: $0) ?? "" : nil }
            switch tree.text("defname", of: option) {
            case "format": name = word ?? ""
            case "delimiter": set(\.delimiter, word)
            case "null": null = word.map { Array($0.utf8) }
            case "quote": set(\.quote, word)
            case "escape": set(\.escape, word)
            case "header": hasHeader = arg == nil || Self.isTrue(arg, word, tree)
            case "force_quote", "freeze": continue
            default: isKnown = false
            }
        }
    }

    private static func isTrue(_ arg: FactsWalk.Node?, _ word: String?, _ tree: FactsWalk) -> Bool {
        if let word { return ["true", "on"].contains { $0.isSame(as: word) } }
        return arg.map { $0.shape.name == "Boolean" && tree.flag("boolval", of: $0) } ?? false
    }

    private mutating func set(_ field: WritableKeyPath<CopyOptions, UInt8?>, _ word: String?) {
        guard let word, word.utf8.count == 1 else {
            isKnown = false
            return
        }
        self[keyPath: field] = word.utf8.first
    }

    private mutating func set(_ field: WritableKeyPath<CopyOptions, UInt8>, _ word: String?) {
        guard let octet = word?.utf8.first, word?.utf8.count == 1 else {
            isKnown = false
            return
        }
        self[keyPath: field] = octet
    }

    /// Nil where it is not known here.
    var format: CopyFormat? {
        guard isKnown else { return nil }
        let word = name.lowercasedASCII
        switch word {
        case "text":
            return .text(
                delimiter: delimiter ?? UInt8(ascii: "\t"),
                null: null ?? Array("\\N".utf8),
                hasHeader: hasHeader
            )
        case "csv":
            return .csv(
                delimiter: delimiter ?? UInt8(ascii: ","),
                quote: quote,
                escape: escape ?? quote,
                null: null ?? [],
                hasHeader: hasHeader
            )
        case "binary": return .binary
        default: return nil
        }
    }
}
