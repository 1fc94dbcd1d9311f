import Model
import Statements

/// What a text does, in words.
enum Deeds {
    static func of(_ text: String, session: SessionSyntax = SessionSyntax()) -> String {
        switch StatementReader.read(Array(text.utf8), session: session) {
        case .success(let facts):
            facts.map { $0.deeds.map(words).sorted().joined(separator: ", ") }.joined(separator: " | ")
        case .failure(let fault): "fault: \(fault)"
        }
    }

    private static func words(_ deed: SQLDeed) -> String {
        switch deed.target {
        case .function(let name, isHarmless: true): "\(deed.kind.rawValue) ~\(name)"
        case .unnamed: "\(deed) ?"
        case .object where deed.kind == .select && deed.hasWhere: "\(deed) where"
        case .object, .function, .nothing: "\(deed)"
        }
    }
}
