"""One named recipe for each shipped weight file; `dgm train RECIPE` trains it again.

    >>> recipe = RECIPES["digits-dlvm"]
    >>> recipe.dataset, recipe.architecture, recipe.seed
    ('digits', 'convolutional-dlvm', 0)
    >>> type(recipe.build()).__name__
    'VAE'

`train` runs the stages of a recipe, each of which resumes from its checkpoint. `publish` writes
weights and card.
"""

from dataclasses import replace

from dgm_core.distributions.variance_floors import IMAGE_SCALE_FLOOR, IMAGE_VARIANCE_FLOOR
from dgm_core.missing.amputation import Amputation
from dgm_core.missing.pointwise import STEEP
from dgm_core.recipes.classifier import FACE_ATTRIBUTES, ClassifierRecipe
from dgm_core.recipes.clipped import ClippedRecipe
from dgm_core.recipes.dlvm import DlvmRecipe
from dgm_core.recipes.dmfa import DmfaRecipe
from dgm_core.recipes.mfa import MfaRecipe
from dgm_core.recipes.miwae import MiwaeRecipe
from dgm_core.recipes.mnar import MnarRecipe
from dgm_core.recipes.partial import partial_recipe
from dgm_core.recipes.pixelcnn import PixelRecipe
from dgm_core.recipes.recipe import Recipe, Stage, publish, train
from dgm_core.recipes.vae import VaeRecipe
from dgm_core.recipes.vae_gmm import MixtureRecipe, mixture_recipe
from dgm_core.recipes.wgan import WganRecipe
from dgm_core.training import Schedule, mutual
from dgm_core.training.adversarial import AdversarialSchedule

__all__ = [
    "RECIPES",
    "MixtureRecipe",
    "Recipe",
    "Schedule",
    "Stage",
    "publish",
    "train",
]

DIGIT = {"size": 28, "image_channels": 1, "latent_dim": 16, "channels": 16, "hidden": 96}
DIGIT_SCHEDULE = Schedule(epochs=120, batch_size=64, learning_rate=2e-3, validate_every=4)

MNIST_SCHEDULE = Schedule(
    epochs=20, batch_size=64, learning_rate=1e-3, validate_every=2, bfloat16=True
)

FACE = {"size": 64, "image_channels": 3, "latent_dim": 48, "channels": 12, "hidden": 160}
FACE_SCHEDULE = Schedule(
    epochs=8, batch_size=64, learning_rate=1e-3, validate_every=1, bfloat16=True
)

OVEREXPOSED_DIGIT = {**DIGIT, "scale_of_each": True}
"""One scale per pixel: strokes have sharp edges, which one scale for all pixels would blur."""

TABLE = {"features": 30, "latent_dim": 10, "hidden": 64}
TABLE_PLAN = Amputation(columns=tuple(range(15)))
"""Half of the columns lose all values above their mean."""

HOUSE_NUMBER = {
    "size": 32,
    "image_channels": 3,
    "latent_dim": 32,
    "channels": 16,
    "hidden": 256,
}
HOUSE_NUMBER_SCHEDULE = Schedule(
    epochs=40, batch_size=64, learning_rate=1e-3, validate_every=4, bfloat16=True
)

GREY_HOUSE_NUMBER = {**HOUSE_NUMBER, "image_channels": 1}
GREY_SCHEDULE = replace(HOUSE_NUMBER_SCHEDULE, epochs=100)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        DlvmRecipe(
            name="mnist-dlvm",
            summary="Convolutional Bernoulli DLVM of dynamically binarised MNIST",
            dataset="mnist",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40},
            model=Schedule(
                epochs=120, batch_size=128, learning_rate=1e-3, validate_every=5, patience=30
            ),
            proposal=Schedule(epochs=16, batch_size=128, learning_rate=5e-4, validate_every=5),
        ),
        DlvmRecipe(
            name="omniglot-dlvm",
            summary="Convolutional Bernoulli DLVM of Omniglot's 30 background alphabets",
            dataset="omniglot",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40},
            model=Schedule(
                epochs=200, batch_size=100, learning_rate=1e-3, validate_every=5, patience=60
            ),
            shift=2,
            proposal=Schedule(epochs=40, batch_size=128, learning_rate=5e-4, validate_every=5),
        ),
        DlvmRecipe(
            name="digits-dlvm",
            summary="Convolutional Bernoulli DLVM of scikit-learn's digits, pre-trained on MNIST",
            dataset="digits",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40},
            warm_start="mnist-dlvm",
            model=Schedule(
                epochs=300, batch_size=64, learning_rate=1e-3, validate_every=5, patience=60
            ),
            proposal=Schedule(epochs=200, batch_size=64, learning_rate=3e-4, validate_every=10),
        ),
        DlvmRecipe(
            name="celeba-dlvm",
            packed=True,
            summary="Convolutional Gaussian DLVM of CelebA faces, 64×64",
            dataset="celeba",
            architecture="face-dlvm",
            arguments={"latent_dim": 64, "scale_floor": IMAGE_SCALE_FLOOR},
            binary=False,
            mirrored=True,
            model=Schedule(epochs=11, batch_size=64, learning_rate=1e-3, bfloat16=True),
            proposal=Schedule(epochs=1, batch_size=64, learning_rate=5e-4, bfloat16=True),
        ),
        partial_recipe("mnist"),
        partial_recipe("omniglot", epochs=24, shift=2),
        partial_recipe("digits", epochs=300, batch_size=64, validate_every=10),
        partial_recipe("celeba", epochs=6, batch_size=64),
        MiwaeRecipe(
            name="mnist-miwae",
            summary="Fully connected Bernoulli MIWAE of incomplete MNIST",
            dataset="mnist",
            architecture="fully-connected-miwae",
            arguments={"latent_dim": 50},
            schedule=Schedule(epochs=30, batch_size=128, learning_rate=1e-3, bfloat16=True),
        ),
        MiwaeRecipe(
            name="omniglot-miwae",
            packed=True,
            summary="Fully connected Bernoulli MIWAE of incomplete Omniglot, background alphabets",
            dataset="omniglot",
            architecture="fully-connected-miwae",
            arguments={"latent_dim": 50},
            schedule=Schedule(epochs=150, batch_size=128, learning_rate=1e-3, bfloat16=True),
            shift=2,
        ),
        MiwaeRecipe(
            name="celeba-miwae",
            packed=True,
            summary="Convolutional Gaussian MIWAE of incomplete CelebA faces, 64×64",
            dataset="celeba",
            architecture="face-miwae",
            arguments={"latent_dim": 64, "channels": 24, "scale_floor": IMAGE_SCALE_FLOOR},
            schedule=Schedule(epochs=4, batch_size=64, learning_rate=1e-3, bfloat16=True),
            draws=2,
            binary=False,
            mirrored=True,
        ),
        DmfaRecipe(
            name="mnist-dmfa",
            summary="U-Net DMFA of grey MNIST, one image in seven binarised",
            dataset="mnist",
            architecture="unet-dmfa",
            arguments={
                "components": 2,
                "factors": 4,
                "widths": [48, 128],
                "noise_floor": IMAGE_VARIANCE_FLOOR,
            },
            schedule=Schedule(
                epochs=12, batch_size=64, learning_rate=2e-3, constant_part=0.2, bfloat16=True
            ),
            binary_fraction=0.15,
        ),
        DmfaRecipe(
            name="celeba-dmfa",
            packed=True,
            summary="U-Net DMFA of CelebA faces at 64×64 and, in the paper's window, 32×32",
            dataset="celeba",
            architecture="unet-dmfa",
            arguments={
                "image_channels": 3,
                "components": 1,
                "factors": 16,
                "widths": [48, 96, 128],
                "noise_floor": IMAGE_VARIANCE_FLOOR,
            },
            schedule=Schedule(
                epochs=9, batch_size=64, learning_rate=1.5e-3, constant_part=0.2, bfloat16=True
            ),
            squared_error=60.0,
            small_fraction=0.7,
            mirrored=True,
        ),
        MfaRecipe(
            name="mnist-mfa",
            summary="Mixture of factor analysers of grey MNIST, by EM",
            dataset="mnist",
            architecture="mfa",
            arguments={
                "event_shape": [1, 28, 28],
                "components": 50,
                "factors": 12,
                "noise_floor": IMAGE_VARIANCE_FLOOR,
            },
            iterations=20,
        ),
        MfaRecipe(
            name="celeba-mfa",
            packed=True,
            summary="Mixture of factor analysers of CelebA faces at 64×64, by EM",
            dataset="celeba",
            architecture="mfa",
            arguments={
                "event_shape": [3, 64, 64],
                "components": 10,
                "factors": 20,
                "noise_floor": IMAGE_VARIANCE_FLOOR,
            },
            iterations=10,
        ),
        MfaRecipe(
            name="celeba32-mfa",
            summary="Mixture of factor analysers of CelebA faces in the paper's 32×32 window",
            dataset="celeba",
            architecture="mfa",
            arguments={
                "event_shape": [3, 32, 32],
                "components": 20,
                "factors": 32,
                "noise_floor": IMAGE_VARIANCE_FLOOR,
            },
            iterations=20,
            window=True,
        ),
        ClippedRecipe(
            name="digits-clipped-miwae",
            packed=True,
            summary="Convolutional Gaussian MIWAE of over-exposed digits of scikit-learn",
            dataset="digits",
            architecture="clipping-miwae",
            arguments=OVEREXPOSED_DIGIT,
            schedule=DIGIT_SCHEDULE,
            shift=2,
        ),
        ClippedRecipe(
            name="digits-clipped-notmiwae",
            packed=True,
            summary="Convolutional Gaussian not-MIWAE of over-exposed digits of scikit-learn",
            dataset="digits",
            architecture="clipping-notmiwae",
            arguments=OVEREXPOSED_DIGIT,
            integrated=True,
            schedule=DIGIT_SCHEDULE,
            shift=2,
        ),
        ClippedRecipe(
            name="mnist-clipped-miwae",
            packed=True,
            summary="Convolutional Gaussian MIWAE of over-exposed MNIST",
            dataset="mnist",
            architecture="clipping-miwae",
            arguments=OVEREXPOSED_DIGIT,
            schedule=MNIST_SCHEDULE,
            images=20_000,
        ),
        ClippedRecipe(
            name="mnist-clipped-notmiwae",
            packed=True,
            summary="Convolutional Gaussian not-MIWAE of over-exposed MNIST",
            dataset="mnist",
            architecture="clipping-notmiwae",
            arguments=OVEREXPOSED_DIGIT,
            integrated=True,
            schedule=MNIST_SCHEDULE,
            images=20_000,
        ),
        ClippedRecipe(
            name="celeba-clipped-miwae",
            packed=True,
            summary="Convolutional Gaussian MIWAE of over-exposed CelebA, 64×64",
            dataset="celeba",
            architecture="clipping-miwae",
            arguments=FACE,
            schedule=FACE_SCHEDULE,
            images=8_000,
            mirrored=True,
        ),
        ClippedRecipe(
            name="celeba-clipped-notmiwae",
            packed=True,
            summary="Convolutional Gaussian not-MIWAE of over-exposed CelebA, 64×64",
            dataset="celeba",
            architecture="clipping-notmiwae",
            arguments=FACE,
            schedule=FACE_SCHEDULE,
            images=8_000,
            mirrored=True,
        ),
        ClippedRecipe(
            name="svhn-clipped-miwae",
            packed=True,
            summary="Convolutional Gaussian MIWAE of over-exposed SVHN (part of its test set)",
            dataset="svhn",
            architecture="clipping-miwae",
            arguments={**HOUSE_NUMBER},
            schedule=HOUSE_NUMBER_SCHEDULE,
            shift=2,
            mirrored=True,
        ),
        ClippedRecipe(
            name="svhn-clipped-notmiwae",
            packed=True,
            summary="Convolutional Gaussian not-MIWAE of over-exposed SVHN (part of its test set)",
            dataset="svhn",
            architecture="clipping-notmiwae",
            arguments={**HOUSE_NUMBER},
            schedule=HOUSE_NUMBER_SCHEDULE,
            shift=2,
            mirrored=True,
        ),
        ClippedRecipe(
            name="svhn-grey-clipped-miwae",
            packed=True,
            summary="Convolutional Gaussian MIWAE of over-exposed grey SVHN (from its test set)",
            dataset="svhn-grey",
            architecture="clipping-miwae",
            arguments=GREY_HOUSE_NUMBER,
            schedule=GREY_SCHEDULE,
            shift=2,
            mirrored=True,
        ),
        ClippedRecipe(
            name="svhn-grey-clipped-notmiwae",
            packed=True,
            summary="Convolutional Gaussian not-MIWAE of over-exposed grey SVHN, process given",
            dataset="svhn-grey",
            architecture="clipping-notmiwae",
            arguments={**GREY_HOUSE_NUMBER, "threshold": 0.75, "strength": 50.0, "given": True},
            schedule=GREY_SCHEDULE,
            shift=2,
            mirrored=True,
        ),
        MnarRecipe(
            name="breast-miwae",
            summary="MIWAE of WDBC, 15 columns without their values above the mean",
            dataset="breast",
            architecture="table-miwae",
            arguments={**TABLE},
            plan=TABLE_PLAN,
        ),
        MnarRecipe(
            name="breast-notmiwae",
            summary="not-MIWAE of WDBC, 15 columns without their values above the mean",
            dataset="breast",
            architecture="table-notmiwae",
            arguments={
                **TABLE,
                "losing": list(TABLE_PLAN.columns),
                "strength": STEEP,
            },
            plan=TABLE_PLAN,
        ),
        WganRecipe(
            name="mnist-wgan",
            summary="WGAN of grey MNIST",
            dataset="mnist",
            architecture="wgan",
            arguments={
                "size": 28,
                "image_channels": 1,
                "latent_dim": 32,
                "widths": [32, 64],
                "critic_widths": [32, 64, 128],
            },
            schedule=AdversarialSchedule(
                iterations=30_000, learning_rate=2e-4, critic_rate=4e-4, bfloat16=True
            ),
        ),
        WganRecipe(
            name="svhn-wgan",
            summary="WGAN of SVHN (part of its test set)",
            dataset="svhn",
            architecture="wgan",
            arguments={
                "size": 32,
                "image_channels": 3,
                "latent_dim": 48,
                "widths": [32, 96, 160],
            },
            schedule=AdversarialSchedule(
                iterations=18_000,
                learning_rate=2e-4,
                critic_rate=4e-4,
                shift=2,
                chunk=50,
                bfloat16=True,
            ),
        ),
        WganRecipe(
            name="celeba-wgan",
            summary="WGAN of CelebA faces, 64×64",
            dataset="celeba",
            architecture="wgan",
            arguments={
                "size": 64,
                "image_channels": 3,
                "latent_dim": 64,
                "widths": [32, 48, 96, 160],
                "critic_widths": [16, 48, 96, 160],
            },
            schedule=AdversarialSchedule(
                iterations=10_000,
                learning_rate=2e-4,
                critic_rate=4e-4,
                mirrored=True,
                chunk=50,
                bfloat16=True,
            ),
        ),
        mixture_recipe(
            "mnist-vaegmm",
            "VAE and Gaussian mixture, trained alternately, of 10,000 deskewed MNIST images",
            mutual.Config(),
        ),
        mixture_recipe(
            "mnist-vaegmm-diagonal",
            "As mnist-vaegmm, but the clusters of the mixture have no correlations",
            mutual.Config(diagonal=True, seed=1),
        ),
        mixture_recipe(
            "mnist-vaegmm-full",
            "VAE and its mixture prior, trained jointly, of 60,000 deskewed MNIST images",
            mutual.FULL,
        ),
        mixture_recipe(
            "digits-vaegmm",
            "VAE and Gaussian mixture, trained alternately, of scikit-learn's deskewed digits",
            mutual.Config("digits", warmup=60, epochs=12),
        ),
        mixture_recipe(
            "omniglot-vaegmm",
            "VAE and Gaussian mixture, trained alternately, of 10,000 Omniglot letters",
            mutual.Config("omniglot", deskewed=False, clusters=20),
        ),
        PixelRecipe(
            name="digits-pixelcnn",
            packed=True,
            summary="Masked convolutions on scikit-learn's digits, dynamically binarised",
            dataset="digits",
            architecture="pixelcnn",
            arguments={"channels": 48, "dilations": [1, 2, 4, 2]},
            schedule=Schedule(
                epochs=24, batch_size=32, learning_rate=3e-3, validate_every=2, bfloat16=True
            ),
            shift=1,
        ),
        ClassifierRecipe(
            name="mnist-classifier",
            summary="Convolutional classifier of MNIST, for its features",
            dataset="mnist",
            architecture="classifier",
            arguments={
                "size": 28,
                "image_channels": 1,
                "classes": list("0123456789"),
                "widths": [16, 32],
            },
            schedule=Schedule(epochs=8, batch_size=64, learning_rate=2e-3, bfloat16=True),
            shift=1,
        ),
        ClassifierRecipe(
            name="svhn-classifier",
            summary="Convolutional classifier of SVHN (part of its test set), for its features",
            dataset="svhn",
            architecture="classifier",
            arguments={
                "size": 32,
                "image_channels": 3,
                "classes": list("0123456789"),
                "widths": [16, 32, 48],
            },
            schedule=Schedule(epochs=40, batch_size=64, learning_rate=2e-3, bfloat16=True),
            shift=2,
            dropout=0.5,
        ),
        ClassifierRecipe(
            name="celeba-classifier",
            summary="Convolutional classifier of the attributes of CelebA faces, for its features",
            dataset="celeba",
            architecture="classifier",
            arguments={
                "size": 64,
                "image_channels": 3,
                "classes": list(FACE_ATTRIBUTES),
                "widths": [16, 24, 32, 48],
                "attributes": True,
            },
            schedule=Schedule(epochs=10, batch_size=64, learning_rate=2e-3, bfloat16=True),
            shift=2,
            mirrored=True,
        ),
        VaeRecipe(
            name="binarized-mnist-vae",
            packed=True,
            summary="Convolutional VAE of statically binarised MNIST",
            dataset="binarized_mnist",
            architecture="convolutional-dlvm",
            arguments={"latent_dim": 40, "full_covariance": False},
            warmup=Schedule(epochs=4, batch_size=128, learning_rate=1e-3, constant_part=1.0),
            schedule=Schedule(
                epochs=70, batch_size=128, learning_rate=1e-3, validate_every=5, patience=25
            ),
        ),
        VaeRecipe(
            name="binarized-mnist-elu",
            packed=True,
            summary="VAE 784-300-300-100 with ELUs of statically binarised MNIST, as published",
            dataset="binarized_mnist",
            architecture="mirrored-vae",
            arguments={"latent_dim": 100, "hidden": [300, 300]},
            schedule=Schedule(epochs=20, batch_size=64, learning_rate=3e-4, constant_part=1.0),
        ),
        VaeRecipe(
            name="mnist-vae-2d",
            packed=True,
            summary="VAE of dynamically binarised MNIST with two latents",
            dataset="mnist",
            architecture="fully-connected-dlvm",
            arguments={"latent_dim": 2, "hidden": 256},
            warmup=Schedule(epochs=3, batch_size=128, learning_rate=1e-3, constant_part=1.0),
            schedule=Schedule(epochs=60, batch_size=128, learning_rate=1e-3, validate_every=5),
        ),
    )
}
