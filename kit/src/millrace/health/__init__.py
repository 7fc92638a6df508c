"""What is wrong now, how the last weeks went, and what to do: for people without Grafana.

What belongs here: reading an instance's history, judging it, and one page that shows it. What does not: who serves the
page (`services/reports`), metrics (the exporter) and alerts (`millrace.alerts`).

    history = read_history(instance, now)
    page = render(judge(history, now, policies=policies, alerts=alerts), base="")
"""
