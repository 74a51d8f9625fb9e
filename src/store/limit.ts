/** The limit of a query that is prepared once and run often. */

/**
 * SQL of a limit that is a parameter, for after LIMIT. The sum keeps SQLite from looking at the value: it prepares a statement
 * again at each run if its plan may depend on the value of a parameter, as that of `LIMIT ?` does since 3.48
 * (`sqlite3ExprIsInteger` and `sqlite3VdbeSetVarmask`), and that takes several times as long as to read the rows.
 */
export const LIMIT = '(? + 0)';
