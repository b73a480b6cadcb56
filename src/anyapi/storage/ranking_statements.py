"""SQL for the ranking of models, as constant text that SQLite and PostgreSQL both read. Values travel only as parameters."""

LEFT_OUT = "SELECT account FROM ranking_opt_outs UNION SELECT account FROM closings"
TAKES_PART = "SELECT 1 FROM ranking_opt_outs WHERE account = ?"
LEAVE = "INSERT INTO ranking_opt_outs (account) VALUES (?) ON CONFLICT (account) DO NOTHING"
JOIN = "DELETE FROM ranking_opt_outs WHERE account = ?"
SPEND = "INSERT INTO ranking_ledger (week, epsilon, delta) VALUES (?, ?, ?) ON CONFLICT (week) DO NOTHING"
ADD_RELEASE = "INSERT INTO ranking_releases (week, body) VALUES (?, ?)"
ANSWERED = """
SELECT model, count(*), sum(CASE WHEN outcome = 'success' THEN 1 ELSE 0 END) FROM usage
WHERE at >= ? AND at < ? AND attempts > 0 AND outcome <> 'client_gone' GROUP BY model
"""
RELEASES = "SELECT body FROM ranking_releases ORDER BY week DESC LIMIT ?"
