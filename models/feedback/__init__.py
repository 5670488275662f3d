"""What users did: events, histories, and how strongly a history speaks for a video. No model is known here.

`events` decodes and validates, `facts` and `history` keep the latest fact for each video, `confidence` turns a history
into numbers, `interactions` gathers many histories as a sparse matrix, `popularity` counts, `video_index` finds rows by
id. What a model makes of a history lives in `models.factorization` and `models.inference`.
"""
