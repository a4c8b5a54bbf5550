"""Events and signs that a site's roadside units are to tell of: sent, renewed, withdrawn, and compared with what they tell."""
