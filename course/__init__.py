"""Why over-parametrised models generalise: the lessons, one package each, and the classroom around them."""
