"""What a generation costs: prices as data, a quote before it is sent, the cost afterwards.

Money is `decimal.Decimal` in US dollars. What nobody knows is None, never 0.

A new price is a row in `prices.json`; `prices.py` says what a row holds, `amounts.py` how many
units a request takes, and `refresh.py` compares all rows with two public tables.
"""
