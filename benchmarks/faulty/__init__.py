"""Hand-written backward passes into which mistakes are planted, and what each is to be called.

Nothing here uses a derivative of the package: forward and backward passes are literal NumPy.

* ``setting``: what a network is drawn from; ``network``: the network; ``passes``: its passes
* ``faults``: the mistakes; ``local``, ``deltas``, ``whole``: where they are made
* ``others``: networks that are no plain layers: recurrent, embedding, residual, tied
* ``split``: which settings are for development and which were kept apart
* ``corruptions``: damage that is no mistake of the catalogue
* ``disturbance``: numerical derivatives with noise; ``score``: whether a diagnosis is right
"""
