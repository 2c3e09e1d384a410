"""What the company intends to do, and who may decide it.

Owns the organisation and its assignments, the planning cube, the year plan with its budget and
adjustments, rolling plans, campaigns and projects, market information, brands, performance and the
business plan. Others ask it for a budget and never the other way round: what planning needs of
products or results comes to it as a copy by event.
"""
