def html(run, comparison=None, history=()):
    return ""
