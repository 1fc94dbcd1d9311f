internal import CPgQuery
internal import Model

/// Reads what statements do, by PostgreSQL's own parser.
package enum StatementReader {
    /// What each statement of a text does, in their order; none for a text without any.
    ///
    /// Where `tables` are known, also where masked columns go in each.
    package static func read(
        _ text: [UInt8],
        session: SessionSyntax = SessionSyntax(),
        tables: KnownTables? = nil
    ) -> Result<[StatementFacts], StatementFault> {
        do throws(StatementFault) {
            try check(text, session)
            guard text.contains(UInt8(ascii: "\\")) else {
                return .success(try facts(text, standard: true, tables))
            }
            guard let standard = session.hasStandardStrings else {
                let facts = try facts(text, standard: true, tables)
                guard try facts == self.facts(text, standard: false, tables) else { throw .ambiguous }
                return .success(facts)
            }
            return .success(try facts(text, standard: standard, tables))
        } catch {
            return .failure(error)
        }
    }

    /// Whether the server reads the same text as the parser here does.
    static func isReadAlike(_ text: [UInt8], _ session: SessionSyntax) -> Bool {
        do throws(StatementFault) { try check(text, session) } catch { return false }
        return true
    }

    /// That the server will read the same text as the parser here does.
    private static func check(_ text: [UInt8], _ session: SessionSyntax) throws(StatementFault) {
        guard text.count <= StatementLimits.text else { throw .tooLong(text.count) }
        guard !text.contains(0) else { throw .holdsNull }
        guard operators(text) <= StatementLimits.operators else { throw .tooManyOperators }
        let (client, server) = (session.clientEncoding, session.serverEncoding)
        // ASCII is itself in every encoding that PostgreSQL knows, also where an octet of it may be the second one of a
        // letter (SJIS, BIG5, GBK): the first one never is. The server counts on it as well (pg_any_to_server).
        guard text.contains(where: { $0 >= 0x80 }) else { return }
        // A server of another encoding folds the case of letters that UTF-8 has in two octets.
        guard client == utf8 else { throw .encoding(client) }
        guard server == utf8 else { throw .encoding(server) }
        guard String(validating: text, as: UTF8.self) != nil else { throw .notUTF8 }
    }

    /// The octets of operators (scan.l, `op_chars`), each run's squared: `/*/*…` and `++…` are scanned anew for each.
    private static func operators(_ text: [UInt8]) -> Int {
        var (sum, run) = (0, 0)
        for octet in text {
            if isOperator[Int(octet)] {
                run += 1
            } else if run > 0 {
                sum += run * run
                run = 0
            }
        }
        return sum + run * run
    }

    private static let isOperator: [Bool] = (0...255).map { "~!@#^&|`?+-*/%<>=".utf8.contains($0) }

    private static let utf8 = ByteText("UTF8")

    private static func facts(
        _ text: [UInt8],
        standard: Bool,
        _ tables: KnownTables?
    ) throws(StatementFault) -> [StatementFacts] {
        let (outcome, result, position) = parse(text, standard: standard)
        switch outcome {
        case CPQ_PARSED: break
        case CPQ_SYNTAX:
            let said = String(decoding: result, as: UTF8.self)
            throw .syntax(SyntaxError(said: said, position: position > 0 ? position : nil))
        default: throw .noMemory
        }
        guard let tape = try TreeTape(result) else { throw .unknown("the tree") }
        var walk = FactsWalk(tape)
        return try walk.statements(tables)
    }

    private static func parse(_ text: [UInt8], standard: Bool) -> (cpq_outcome, [UInt8], position: Int) {
        unsafe text.withUnsafeBytes { bytes in
            let tree = unsafe cpq_parse(bytes.baseAddress, bytes.count, standard)
            defer { unsafe cpq_free(tree) }
            var octets = 0
            guard let result = unsafe cpq_text(tree, &octets) else { return (CPQ_NO_MEMORY, [], 0) }
            let whole = unsafe UnsafeRawBufferPointer(start: result, count: octets)
            return unsafe (cpq_result(tree), Array(whole), Int(cpq_position(tree)))
        }
    }
}
