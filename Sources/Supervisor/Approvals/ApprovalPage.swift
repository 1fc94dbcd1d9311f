internal import Audit
internal import Client
internal import Gateway

/// The page behind a link, for a browser: what is asked, and a button, since whoever looks at a link, as programs do that show
/// previews, has not answered.
enum ApprovalPage {
    /// Nothing is loaded, nothing runs, no other page shows it in a frame, and the link is told to nobody.
    private static let fields: [(name: String, value: String)] = [
        ("cache-control", "no-store"),
        (
            "content-security-policy",
            "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        ),
        ("referrer-policy", "no-referrer"),
    ]

    /// What is asked, with a form that answers.
    static func question(_ message: ApprovalMessage, approves: Bool, as subject: String) -> LocalReply {
        let held = message.first.held
        let word = approves ? "Approve" : "Deny"
        let rest =
            held.details + ["digest: \(held.digest)"]
            + (held.approvedBy.isEmpty ? [] : ["approved by \(held.approvedBy.joined(separator: ", "))"])
        let lines = message.lines + rest.map(TerminalText.escaped)
        return page(
            200,
            "\(word) \(held.id)?",
            lines,
            """
            <form method="post"><p><label>Why: <input name="reason" maxlength="200" size="60"></label></p>
            <p><button type="submit">\(word), as \(MarkupText.escaped(TerminalText.escaped(subject)))</button></p></form>

            """
        )
    }

    /// What came of it.
    static func outcome(_ status: Int, _ words: String) -> LocalReply {
        page(status, status < 300 ? "Answered" : "Nothing was changed", [words], "")
    }

    private static func page(_ status: Int, _ title: String, _ lines: [String], _ form: String) -> LocalReply
    {
        // As they are: two blanks are another command than one.
        let shown = "<pre>\(lines.map(MarkupText.escaped).joined(separator: "\n"))</pre>\n"
        return LocalReply(
            status,
            mediaType: "text/html; charset=utf-8",
            fields: fields,
            """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Bailey: \(MarkupText.escaped(title))</title>
            <meta name="viewport" content="width=device-width"></head><body>
            <h1>\(MarkupText.escaped(title))</h1>
            \(shown)\(form)</body></html>

            """
        )
    }
}
