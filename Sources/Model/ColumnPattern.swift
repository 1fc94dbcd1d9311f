/// `column users.ssn`, `column public.users.ssn`, `column ssn`: a column whose values are masked, whatever they are.
package struct ColumnPattern: Sendable, Hashable, CustomStringConvertible {
    /// Nil for every schema.
    package let schema: ByteText?
    /// Nil for every table.
    package let table: ByteText?
    package let column: ByteText

    package init(schema: ByteText? = nil, table: ByteText? = nil, column: ByteText) {
        (self.schema, self.table, self.column) = (schema, table, column)
    }

    package var description: String {
        "column " + [schema, table, column].compactMap { $0?.text }.joined(separator: ".")
    }
}
